#!/usr/bin/env bash
# What:     VOC files of supervision's `DetectionDataset.as_pascal_voc` have the same mark in every version (folder `VOC`,
#           database `roboflow.ai`) and no version number, but the numbers of the same box differ. Up to 0.13.0 they are
#           the edges, counted from 0. From 0.14.0 to 0.31.1 all four are one higher, so a box over a whole image of 100 x 80
#           ends at 101 and 81. Since 0.31.2 only left and top are one higher, which is how VOC's own files count. On top of
#           that, 0.14.0 to 0.29.0 add the 1 to the boxes in memory, so a second export of the same data set is two higher.
#           Expected: files that differ in nothing but the numbers of their boxes count alike. Seen: nothing in the files tells
#           the ways apart, and a version that reads the files of another moves or resizes each box by a pixel, silently.
# Versions: supervision 0.13.0, 0.29.0, 0.31.1 and 0.31.2 with numpy 2.4.6 and opencv-python-headless 4.13.0.92
#           on Python 3.11, Linux x86-64
# Seen:     2026-11-30
# Reported: roboflow/supervision#144, #235 (the change in 0.14.0) and #2341 (the boxes in memory); the notes of release 0.31.2
#           warn of files that 0.31.1 and earlier wrote
# Do:       note the version beside such a data set. Where it is unknown, look at the boxes that touch an edge of their image:
#           a right edge beyond the width says 0.14.0 to 0.31.1, a left edge at 0 says 0.13.0 or earlier. Without such
#           boxes the files do not tell.
# Why here: data/formats/origin.py takes this mark as a sign that boxes count from 1, unless edges at 0 say otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip 'supervision==0.31.2' 'numpy==2.4.6' 'opencv-python-headless==4.13.0.92' 'pyDeprecate==0.13.0'
for version in 0.13.0 0.29.0 0.31.1; do
    pip --no-deps --target "$folder/$version" "supervision==$version"
done
mkdir "$folder/0.31.2"  # empty: this one is in the environment itself
cd "$folder"

cat >tool.py <<'PYTHON'
"""`write` puts a data set twice into VOC files; `read FOLDER` prints the boxes of one."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

import numpy as np
import supervision

if sys.argv[1] == "write":
    boxes = np.array([[0, 0, 100, 80], [10, 20, 30, 60]], np.float32)
    detections = supervision.Detections(xyxy=boxes, class_id=np.array([0, 0]))
    if supervision.__version__ == "0.13.0":  # which wants the image, the others its path
        name, images = "a.png", {"a.png": np.zeros((80, 100, 3), np.uint8)}
    else:
        name, images = "images/a.png", ["images/a.png"]
    data = supervision.DetectionDataset(classes=["car"], images=images, annotations={name: detections})
    for number in (1, 2):
        data.as_pascal_voc(annotations_directory_path=f"{supervision.__version__}-{number}")
else:
    data = supervision.DetectionDataset.from_pascal_voc("images", sys.argv[2])
    (found,) = data.annotations.values()
    print(json.dumps(found.xyxy.tolist()))
PYTHON

cat >compare.py <<'PYTHON'
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

VERSIONS = ("0.13.0", "0.29.0", "0.31.1", "0.31.2")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
BOXES = [[0, 0, 100, 80], [10, 20, 30, 60]]
WRITTEN = {  # the numbers of the two boxes in a first and in a second file
    "0.13.0": [BOXES, BOXES],
    "0.29.0": [[[1, 1, 101, 81], [11, 21, 31, 61]], [[2, 2, 102, 82], [12, 22, 32, 62]]],
    "0.31.1": [[[1, 1, 101, 81], [11, 21, 31, 61]]] * 2,
    "0.31.2": [[[1, 1, 100, 80], [11, 21, 30, 60]]] * 2,
}
READ = {  # the second box, read by another version
    ("0.13.0", "0.31.2"): [9, 19, 30, 60],
    ("0.31.1", "0.31.2"): [10, 20, 31, 61],
    ("0.31.2", "0.31.1"): [10, 20, 29, 59],
    ("0.31.2", "0.13.0"): [11, 21, 30, 60],
}


def run(tool_version, *arguments):
    return subprocess.run(
        [sys.executable, "tool.py", *arguments],
        env={**os.environ, "PYTHONPATH": tool_version}, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.splitlines()[-1:]


def split(path):
    """The boxes of a file, and the rest of it without spaces."""
    root = ElementTree.parse(path).getroot()
    boxes = [[int(float(box.findtext(corner))) for corner in CORNERS] for box in root.iter("bndbox")]
    for box in root.iter("bndbox"):
        for corner in CORNERS:
            box.find(corner).text = ""
    return boxes, "".join(ElementTree.tostring(root, "unicode").split())


print("Python", sys.version.split()[0], "numpy", version("numpy"), "opencv", version("opencv-python-headless"))
print("boxes given:", BOXES)
Path("images").mkdir()
Image.new("RGB", (100, 80)).save("images/a.png")
as_described, rest = True, set()
for name in VERSIONS:
    run(name, "write")
    written = []
    for number in (1, 2):
        boxes, other = split(f"{name}-{number}/a.xml")
        written.append(boxes)
        rest.add(other)
    print(f"supervision {name} writes {written[0]}, and the second time {written[1]}")
    as_described &= written == WRITTEN[name]
print("different files apart from the numbers of the boxes:", len(rest))
print("the file:", *rest)
as_described &= len(rest) == 1
for (writer, reader), described in READ.items():
    (line,) = run(reader, "read", f"{writer}-1")
    seen = json.loads(line)[1]
    print(f"written by {writer}, read by {reader}: expected {BOXES[1]}, seen {[int(value) for value in seen]}")
    as_described &= seen == described
sys.exit(not as_described)
PYTHON
"$folder/venv/bin/python" compare.py
