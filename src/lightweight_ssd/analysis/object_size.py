"""Average precision by the size of objects, since a mean over all sizes hides what a neck or a stem changes."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.assignment import assign_detections, average_precision_of
from lightweight_ssd.metrics.names import LARGE_FROM, MEDIUM_FROM

__all__ = ["SizePrecision", "precision_by_size"]


class SizePrecision(NamedTuple):
    """Mean average precision (area) of one IoU threshold, 0 to 1; NaN for a size without countable objects.

    Attributes:
        small: Objects below 32² square pixels of the image file.
        medium: From 32² to below 96².
        large: From 96².
    """

    small: float
    medium: float
    large: float


def precision_by_size(evaluated: EvaluatedSet, iou_threshold: float = 0.5) -> SizePrecision:
    """Scores detections three times, each time against the objects of one size.

    Objects of another size count as difficult ones do, neither way. A false positive counts for the size of its own
    box: it has no object to take a size from.

    Args:
        evaluated: Detections and objects of a run.
        iou_threshold: Smallest IoU of a hit, in (0, 1].

    Returns:
        Means over the classes that have objects of that size; the classes differ between sizes.

    Source:
        Lin et al., Microsoft COCO (2014), evaluation by area. Deviations: VOC's matching in place of COCO's, the area
        of the box where COCO takes the segment's, and an object of exactly 32² or 96² has one size, not two.
    """
    edges = (0.0, MEDIUM_FROM, LARGE_FROM, np.inf)
    return SizePrecision(*(_precision(evaluated, iou_threshold, *edges[place : place + 2]) for place in range(3)))


def _precision(evaluated: EvaluatedSet, iou_threshold: float, smallest: float, below: float) -> float:
    num_classes, objects = len(evaluated.class_names), evaluated.objects
    areas = _areas(objects.boxes)
    objects = objects._replace(difficult=objects.difficult | (areas < smallest) | (areas >= below))
    assignment = assign_detections(evaluated.detections, objects, num_classes, iou_threshold)
    own = _areas(assignment.detections.boxes)
    false = assignment.false & (own >= smallest) & (own < below)
    counts = np.bincount(objects.labels[~objects.difficult], minlength=num_classes)
    precision = average_precision_of(assignment.detections.labels, assignment.true, false, counts)
    return float(precision[counts > 0].mean()) if counts.any() else float("nan")


def _areas(boxes: Float[np.ndarray, "N 4"]) -> Float[np.ndarray, " N"]:
    return np.maximum(boxes[:, 2:].astype(np.float64) - boxes[:, :2], 0).prod(1)
