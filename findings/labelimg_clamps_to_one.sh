#!/usr/bin/env bash
# What:     labelImg counts from 0 (a box over a whole image of 100 x 80 runs from 0 to 100 and from 0 to 80), but writes 1 for
#           each left or top edge below 1, and shifts nothing else. So a box that begins at the border of the image and one that
#           begins a pixel inside are written alike, and a VOC file of labelImg never shows that it counts from 0: no left or
#           top edge is below 1, as in VOC's own files, which do count from 1. Its YOLO files go through the same function,
#           though that format has no such question: a box over the whole image is written with a width of 0.99 and a height of
#           0.9875, and its middle is off the middle of the image. The cut-off also reaches the flag `truncated`: it is 1 for a
#           box that begins a pixel inside the image. Expected: boxes as drawn, or all of them counted from 1. Seen: neither.
# Versions: labelImg 1.8.6 with lxml 6.1.3 on Python 3.11, Linux x86-64
# Seen:     2026-11-30
# Reported: HumanSignal/labelImg#4 (2015) and #19 (2016), closed with the answer that boxes start at 1
# Do:       read VOC files of labelImg as counted from 0, and do not take a smallest edge of 1 as a sign of counting from 1.
#           Where an object is cut off by the left or top border, set an edge at 1 to 0, in YOLO files too.
# Why here: data/formats/origin.py reads files with labelImg's mark from 0, however many edges are at 1.
# Note:     labelImg needs Qt for its windows; its writers want from it only the size of the image, so a class with that size
#           stands in for `QImage`. The functions that run are labelImg's own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps 'labelImg==1.8.6' 'lxml==6.1.3'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import types
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree


class Size:
    """What labelImg's writers ask of a QImage, for an image of 100 x 80."""

    def width(self):
        return 100

    def height(self):
        return 80

    def isGrayscale(self):
        return False


qt = types.ModuleType("PyQt5.QtGui")
qt.QImage = Size
sys.modules["PyQt5"] = types.ModuleType("PyQt5")
sys.modules["PyQt5.QtGui"] = qt

from libs.labelFile import LabelFile
from libs.pascal_voc_io import PascalVocReader

GIVEN = {  # left, top, right and bottom edge
    "whole image": (0, 0, 100, 80),
    "from one pixel inside": (1, 1, 100, 80),
    "at the top left corner": (0, 0, 10, 10),
    "a pixel further": (1, 1, 10, 10),
    "in the middle": (30, 20, 60, 50),
}
VOC = [(1, 1, 100, 80), (1, 1, 100, 80), (1, 1, 10, 10), (1, 1, 10, 10), (30, 20, 60, 50)]
TRUNCATED = ["1", "1", "1", "1", "0"]
WHOLE = "0 0.505000 0.506250 0.990000 0.987500"

shapes = [
    {"label": "car", "difficult": False, "points": [(left, top), (right, top), (right, bottom), (left, bottom)]}
    for left, top, right, bottom in GIVEN.values()
]
labels = LabelFile()
labels.save_pascal_voc_format("a.xml", shapes, "images/a.png", Size())
labels.save_yolo_format("a.txt", shapes, "images/a.png", Size(), ["car"])
objects = ElementTree.parse("a.xml").getroot().findall("object")
voc = [tuple(int(each.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")) for each in objects]
truncated = [each.findtext("truncated") for each in objects]
yolo = Path("a.txt").read_text().splitlines()
again = [(*points[0], *points[2]) for _, points, *_ in PascalVocReader("a.xml").get_shapes()]

print("Python", sys.version.split()[0], "labelImg", version("labelImg"), "lxml", version("lxml"))
for name, given, *seen in zip(GIVEN, GIVEN.values(), voc, truncated, again, yolo):
    print(f"{name}: drawn {given}; VOC {seen[0]}, truncated {seen[1]}, read by labelImg again {seen[2]}; YOLO {seen[3]}")
print("YOLO for the whole image: expected 0 0.500000 0.500000 1.000000 1.000000, seen", yolo[0])
print("smallest number in the VOC file: expected 0, seen", min(min(box) for box in voc))
sys.exit(not (voc == VOC and again == VOC and truncated == TRUNCATED and yolo[0] == yolo[1] == WHOLE))
PYTHON
