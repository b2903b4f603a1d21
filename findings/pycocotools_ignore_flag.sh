#!/usr/bin/env bash
# What:     pycocotools overwrites the `ignore` flag of an annotation with its `iscrowd` flag. An object marked `ignore: 1` that
#           no detection finds therefore counts as a miss. Its own code (`COCOeval._prepare`) first reads `ignore`, as if it
#           had a meaning, and assigns `iscrowd` over it in the next line. So the difficult objects of a VOC data set
#           that was converted with `ignore` set lower the AP silently. faster-coco-eval does the same.
#           One image with two objects, one of them marked `ignore`; the only detection is exactly the other one. Expected AP
#           at IoU 0.5: 1. Seen: 0.505, as without the flag. With `iscrowd: 1` it is 1, but that is no substitute:
#           for crowd regions the overlap is divided by the detection's area alone, so false positives inside are forgiven.
# Versions: pycocotools 2.0.11 and faster-coco-eval 1.8.0 with numpy 2.4.6 on Python 3.11, Linux x86-64
# Seen:     2026-11-29
# Reported: cocodataset/cocoapi#123 (2018) and #466 (2020), open
# Why here: VOC's difficult objects count neither as hits nor as misses. data/formats/coco_results.py writes them with an
#           `area` outside all of COCO's ranges, which pycocotools does ignore, with the ordinary IoU.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'pycocotools==2.0.11' 'faster-coco-eval==1.8.0' 'numpy==2.4.6'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def annotation(number, x, **flags):
    return {"id": number, "image_id": 1, "category_id": 1, "bbox": [x, 10, 20, 20], "area": 400, "iscrowd": 0, **flags}


def ap_50(coco_class, evaluation_class, **flags):
    """AP at IoU 0.5; the second object has the flags and is not detected."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_class()
        truth.dataset = {
            "images": [{"id": 1, "file_name": "1.jpg", "width": 200, "height": 100}],
            "categories": [{"id": 1, "name": "car"}],
            "annotations": [annotation(1, 10), annotation(2, 100, **flags)],
        }
        truth.createIndex()
        found = truth.loadRes([{"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.9}])
        evaluation = evaluation_class(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1])


print("Python", sys.version.split()[0], "numpy", version("numpy"))
as_described = True
for name, classes in (("pycocotools", (COCO, COCOeval)), ("faster-coco-eval", (FasterCOCO, COCOeval_faster))):
    plain, ignored, crowd = ap_50(*classes), ap_50(*classes, ignore=1), ap_50(*classes, iscrowd=1)
    print(f"{name} {version(name)}: AP50 with ignore=1: expected 1.000, seen {ignored:.3f}"
          f" (without a flag {plain:.3f}, with iscrowd=1 {crowd:.3f})")
    as_described &= ignored == plain and abs(plain - 0.505) < 0.001 and crowd > 0.999
sys.exit(not as_described)
PYTHON
