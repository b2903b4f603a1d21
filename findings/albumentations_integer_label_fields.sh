#!/usr/bin/env bash
# What:     albumentations passes the integers of a label field through float32, so integers above 2^24 = 16,777,216 come
#           back as other numbers, without a warning. Label fields are what carries class labels, annotation ids and the
#           like through a transform, so that the entries of boxes that were cropped away are dropped. Ids of COCO's crowd
#           regions have twelve digits: 900100581781 comes back as 900100587520, which belongs to no annotation.
#           Expected: the integers that were given, as integers. Seen: from a list come floats, from an int64 array int64
#           numbers, and from both the wrong ones.
# Versions: albumentations 2.0.8, albucore 0.0.24, opencv-python-headless 5.0.0.93, numpy 2.4.6 on Python 3.11, Linux x86-64
# Seen:     2026-11-29
# Reported: only the type, albumentations-team/albumentations#2324, fixed for arrays by #2325 (2025)
# Why here: augment/pipeline.py sends only the index of each box through albumentations and casts it back to int64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'albumentations==2.0.8' 'albucore==0.0.24' 'opencv-python-headless==5.0.0.93' 'numpy==2.4.6'
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import albumentations
import numpy as np

for package in ("albumentations", "albucore", "opencv-python-headless", "numpy"):
    print(package, version(package))
image = np.zeros((100, 100, 3), np.uint8)
boxes = np.array([[1, 2, 30, 40], [5, 6, 70, 80], [20, 20, 50, 60]], np.float32)
ids = [42, 16_777_217, 900_100_581_781]
as_described = True
for name, given in (("list", ids), ("int64 array", np.array(ids, np.int64))):
    flip = albumentations.Compose(
        [albumentations.HorizontalFlip(p=1)],
        bbox_params=albumentations.BboxParams(format="pascal_voc", label_fields=["ids"]),
    )
    seen = flip(image=image, bboxes=boxes, ids=given)["ids"]
    print(f"{name}: expected {ids}, seen {[int(value) for value in seen]}, of type {type(seen[0]).__name__}")
    as_described &= [int(value) for value in seen] == [42, 16_777_216, 900_100_587_520]
    as_described &= isinstance(seen[0], float if name == "list" else np.int64)
sys.exit(not as_described)
PYTHON
