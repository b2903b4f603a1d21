#!/usr/bin/env bash
# What:     Datumaro's `Dataset.export(..., "coco_instances")` of a data set that was read from YOLO or VOC files writes the
#           same annotation id several times, without a warning. Those readers number the objects of each image 0, 1, 2, ...;
#           the exporter keeps the numbers above 0, so they repeat from image to image, and gives each 0 a number that may be in
#           use already, so ids repeat within a single image too. pycocotools finds annotations by their id and keeps the last
#           one of each. Three images with two objects each: expected six annotations, each in its own image, and an AP50 of 1
#           for detections that are exactly the objects. Seen: three are left; asked for the objects of the first image,
#           pycocotools returns one of the third, twice; AP50 is 0.376.
# Versions: datumaro 1.13.12 and pycocotools 2.0.11 with numpy 2.4.6 on Python 3.11, Linux x86-64
# Seen:     2026-11-30
# Reported: open-edge-platform/datumaro#208 (2021, closed) has numbers of objects that change from VOC to COCO. The help of the
#           command line tool recommends its option for new ids after other formats, and has it on; the call has it off.
# Do:       pass `reindex=True`, which gives ids that do not repeat, to each export as COCO of what was not read from COCO. Of a
#           COCO file that you were given, compare the number of different ids with the number of annotations.
# Why here: data/formats/coco_entries.py takes the objects of a COCO file in their order and does not look them up by id, and
#           data/formats/coco_results.py numbers them anew for the evaluation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    'datumaro==1.13.12' 'pycocotools==2.0.11' 'numpy==2.4.6' 'attrs==26.1.0' 'cachetools==7.0.0' 'defusedxml==0.7.1' \
    'imagesize==2.0.0' 'json-stream==2.4.1' 'json-stream-rs-tokenizer==0.5.4' 'lxml==6.1.3' \
    'opencv-python-headless==4.13.0.92' 'orjson==3.13.0' 'pandas==2.3.3' 'pillow==12.0.0' 'python-dateutil==2.9.0' \
    'pytz==2026.6' 'PyYAML==6.0.4' 'shapely==2.2.0' 'six==1.17.0' 'tqdm==4.70.1' 'typing_extensions==4.16.0' 'tzdata==2026.6'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from datumaro.components.dataset import Dataset
from datumaro.plugins.data_formats.coco.exporter import CocoInstancesExporter
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ("car", "person")
# x, y, width and height of a car and of a person in each of three images of 100 x 80
OBJECTS = [
    [(10, 10, 20, 20), (60, 10, 20, 40)],
    [(20, 30, 30, 20), (70, 20, 10, 30)],
    [(30, 40, 40, 30), (80, 30, 20, 50)],
]


def write_yolo(root):
    """The layout of darknet."""
    images = root / "obj_train_data"
    images.mkdir(parents=True)
    (root / "obj.names").write_text("\n".join(NAMES) + "\n")
    (root / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    (root / "train.txt").write_text("".join(f"data/obj_train_data/{stem}.png\n" for stem in "abc"))
    for stem, objects in zip("abc", OBJECTS):
        Image.new("RGB", (100, 80)).save(images / f"{stem}.png")
        lines = [
            f"{number} {(x + w / 2) / 100} {(y + h / 2) / 80} {w / 100} {h / 80}\n"
            for number, (x, y, w, h) in enumerate(objects)
        ]
        (images / f"{stem}.txt").write_text("".join(lines))


def write_voc(root):
    """The layout of the VOC challenge, with two of its classes."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    (root / "ImageSets/Main/train.txt").write_text("a\nb\nc\n")
    for stem, objects in zip("abc", OBJECTS):
        Image.new("RGB", (100, 80)).save(root / "JPEGImages" / f"{stem}.jpg")
        text = "".join(
            f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
            f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for name, (x, y, w, h) in zip(NAMES, objects)
        )
        (root / "Annotations" / f"{stem}.xml").write_text(
            f"<annotation><folder>VOC2012</folder><filename>{stem}.jpg</filename>"
            f"<size><width>100</width><height>80</height><depth>3</depth></size>{text}</annotation>"
        )


def look(path):
    """Ids in the file, how many annotations pycocotools keeps, images of the objects of the first image, and AP50."""
    written = json.loads(path.read_text())["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        first = [each["image_id"] for each in truth.loadAnns(truth.getAnnIds(imgIds=[1]))]
        fields = ("image_id", "category_id", "bbox")
        found = truth.loadRes([{**{field: each[field] for field in fields}, "score": 0.9} for each in written])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [each["id"] for each in written], len(truth.anns), first, round(float(evaluation.stats[1]), 3)


print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("datumaro", "pycocotools", "numpy")))
default = CocoInstancesExporter.build_cmdline_parser().get_default("reindex")
print("reindex on the command line:", default)
as_described = default is True
for name, write in (("yolo", write_yolo), ("voc_detection", write_voc)):
    write(Path(name))
    data = Dataset.import_from(name, name)
    print(name, "read:", [[annotation.id for annotation in item.annotations] for item in data])
    for options in ({}, {"reindex": True}):
        target = Path(f"{name}-{len(options)}")
        data.export(str(target), "coco_instances", **options)
        ids, kept, first, ap = look(target / "annotations/instances_train.json")
        print(f"{name} {options}: ids expected 6 different, seen {ids}; pycocotools keeps: expected 6, seen {kept}; "
              f"objects of image 1 are of the images: expected [1, 1], seen {first}; AP50: expected 1.0, seen {ap}")
        if options:
            as_described &= ids == [1, 2, 3, 4, 5, 6] and kept == 6 and first == [1, 1] and ap == 1
        else:
            as_described &= ids == [1, 1, 2, 1, 3, 1] and kept == 3 and first == [3, 3] and ap == 0.376
sys.exit(not as_described)
PYTHON
