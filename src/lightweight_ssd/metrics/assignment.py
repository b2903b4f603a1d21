"""The assignment of detections to objects under VOC's rules, for analyses that need more than the average precision.

`average_precision` sums it up; here each detection keeps its own row: the object that it is assigned to, its IoU with
that object, and whether it is a true positive, a false positive or neither.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from lightweight_ssd.metrics.average_precision import (
    PackedDetections,
    PackedObjects,
    best_object,
    class_averages,
    pair_up,
    paired_iou,
    true_and_false,
)

__all__ = ["Assignment", "assign_detections", "average_precision_of", "class_spans", "pairs_of_an_image"]


class Assignment(NamedTuple):
    """Detections by class and falling score, ties by image and then by order within it.

    Attributes:
        detections: The detections in this order.
        order: Index of each in the arrays that were given.
        iou: IoU with the object of its class and image that it overlaps most; 0 without any.
        target: Index of that object, difficult ones included; −1 where the image has none of the class.
        true: True positives.
        false: False positives; a detection on a difficult object is neither true nor false.
    """

    detections: PackedDetections
    order: Int[np.ndarray, " D"]
    iou: Float[np.ndarray, " D"]
    target: Int[np.ndarray, " D"]
    true: Bool[np.ndarray, " D"]
    false: Bool[np.ndarray, " D"]


def assign_detections(
    detections: PackedDetections, objects: PackedObjects, num_classes: int, iou_threshold: float = 0.5
) -> Assignment:
    """Assigns every detection to an object by the rules of `voc_average_precision`.

    Args:
        detections: Detections of all images.
        objects: Ground truth of all images, difficult objects included.
        num_classes: Classes, more than the largest label.
        iou_threshold: Smallest IoU of a hit, in (0, 1].

    Raises:
        ValueError: If the threshold is outside (0, 1].

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> found = PackedDetections(np.zeros(2, int), np.zeros(2, int), np.array([0.4, 0.9]), box[[0, 0]])
        >>> truth = PackedObjects(np.array([0]), np.array([0]), box, np.array([False]))
        >>> assignment = assign_detections(found, truth, num_classes=1)
        >>> assignment.order, assignment.true
        (array([1, 0]), array([ True, False]))
    """
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"Expected an IoU threshold in (0, 1] but got {iou_threshold}; use for example 0.5.")
    order = np.lexsort((detections.image_index, -detections.scores, detections.labels))
    ranked = PackedDetections(*(column[order] for column in detections))
    iou, target = best_object(ranked, objects, num_classes)
    true, false = true_and_false(iou >= iou_threshold, target, np.append(objects.difficult, False)[target])
    return Assignment(ranked, order, iou, target, true, false)


def class_spans(labels: Integer[np.ndarray, " D"], num_classes: int) -> list[slice]:
    """The slice of each class in sorted labels.

    Example:
        >>> class_spans(np.array([0, 0, 2]), num_classes=3)
        [slice(0, 2, None), slice(2, 2, None), slice(2, 3, None)]
    """
    return [
        slice(first, last) for first, last in pairwise(np.searchsorted(labels, np.arange(num_classes + 1)).tolist())
    ]


def average_precision_of(
    labels: Integer[np.ndarray, " D"],
    true: Bool[np.ndarray, " D"],
    false: Bool[np.ndarray, " D"],
    objects: Integer[np.ndarray, " C"],
) -> Float[np.ndarray, " C"]:
    """Area under the interpolated curve of each class, from detections by class and falling score; NaN without objects.

    Args:
        labels: Class of each detection, sorted.
        true: True positives.
        false: False positives.
        objects: Countable objects per class.

    Example:
        >>> average_precision_of(np.zeros(2, int), np.array([False, True]), np.array([True, False]), np.array([1]))
        array([0.5])
    """
    spans = class_spans(labels, len(objects))
    return np.array([class_averages(true[s], false[s], n)[0] for s, n in zip(spans, objects, strict=True)]).reshape(-1)


def pairs_of_an_image(
    detections: PackedDetections, objects: PackedObjects
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """Every pair of a detection and an object of the same image, of any class: both indices and the IoU."""
    found, truth = pair_up(detections.image_index, objects.image_index)
    return found, truth, paired_iou(detections.boxes[found], objects.boxes[truth])
