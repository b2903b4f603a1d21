"""COCO's metrics as the official tool gives them for the two files that a run leaves."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def official_metrics(ground_truth: Path, detections: Path) -> Float64[np.ndarray, " 12"]:
    """The twelve metrics in the official order, NaN where pycocotools says -1 for no object of that kind."""
    with redirect_stdout(StringIO()):
        truth = COCO(str(ground_truth))
        evaluation = COCOeval(truth, truth.loadRes(str(detections)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.where(evaluation.stats < 0, np.nan, evaluation.stats)
