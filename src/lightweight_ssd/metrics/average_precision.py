"""PASCAL VOC's average precision and a confusion matrix, as pure functions on packed arrays.

A detection is assigned once: to the object of its class and image that it overlaps most, difficult objects included.
Which object that is does not depend on the IoU threshold, so ten thresholds cost little more than one.

Boxes here are continuous xyxy that start at 0. VOC's files hold inclusive pixel numbers that start at 1, and its devkit
adds 1 to every width and height; with 1 taken off xmin and ymin alone both give the same areas and the same IoU.

Not covered: the area and per-image-limit splits of COCO's evaluation.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

__all__ = [
    "IOU_THRESHOLDS",
    "AveragePrecision",
    "Curve",
    "PackedDetections",
    "PackedObjects",
    "best_object",
    "class_averages",
    "confusion_matrix",
    "pair_up",
    "paired_iou",
    "true_and_false",
    "voc_average_precision",
]

IOU_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class PackedDetections(NamedTuple):
    """The detections of many images, one row each, in any order of images; the order inside an image breaks ties.

    Attributes:
        image_index: Which image, from 0.
        labels: Class index, from 0.
        scores: Any increasing measure of confidence.
        boxes: xyxy, pixels of the image file.
    """

    image_index: Integer[np.ndarray, " D"]
    labels: Integer[np.ndarray, " D"]
    scores: Float[np.ndarray, " D"]
    boxes: Float[np.ndarray, "D 4"]


class PackedObjects(NamedTuple):
    """The ground truth of many images, one row each.

    Attributes:
        image_index: Which image, from 0.
        labels: Class index, from 0.
        boxes: xyxy, pixels of the image file.
        difficult: Objects that count neither way, found or not.
    """

    image_index: Integer[np.ndarray, " M"]
    labels: Integer[np.ndarray, " M"]
    boxes: Float[np.ndarray, "M 4"]
    difficult: Bool[np.ndarray, " M"]


class Curve(NamedTuple):
    """One class's precision and recall down the list of its detections, those on difficult objects left out.

    Attributes:
        precision: True positives / detections so far.
        recall: True positives so far / objects; NaN for a class without objects.
        scores: Score of the detection that reaches the point, falling.
    """

    precision: Float[np.ndarray, " K"]
    recall: Float[np.ndarray, " K"]
    scores: Float[np.ndarray, " K"]


class AveragePrecision(NamedTuple):
    """Average precision of every class at every threshold; NaN for a class without countable objects.

    Attributes:
        area: Area under the interpolated curve, VOC 2010 and later.
        eleven_point: Mean of the interpolated precision at recall 0, 0.1 … 1, VOC 2007.
        objects: Objects per class, difficult ones not counted.
        curves: One per class, at the first threshold.
    """

    area: Float[np.ndarray, "T C"]
    eleven_point: Float[np.ndarray, "T C"]
    objects: Int[np.ndarray, " C"]
    curves: tuple[Curve, ...]


def voc_average_precision(
    detections: PackedDetections,
    objects: PackedObjects,
    num_classes: int,
    iou_thresholds: tuple[float, ...] = IOU_THRESHOLDS,
) -> AveragePrecision:
    """Scores detections by the rules of the VOC devkit.

    Per class over all images by falling score, ties by image and then by order within it: a detection whose best
    object overlaps it by less than the threshold is false; on a difficult object it is ignored; the first on an object
    is true, every later one false.

    Args:
        detections: Detections of all images; all of them count, however many an image has.
        objects: Ground truth of all images, difficult objects included (without them, detections on them turn false).
        num_classes: Classes, so that absent ones keep their column.
        iou_thresholds: Smallest IoU of a hit, each in (0, 1].

    Raises:
        ValueError: If a threshold is outside (0, 1].

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> found = PackedDetections(np.array([0]), np.array([1]), np.array([0.9]), box)
        >>> truth = PackedObjects(np.array([0]), np.array([1]), box, np.array([False]))
        >>> voc_average_precision(found, truth, num_classes=2, iou_thresholds=(0.5,)).area
        array([[nan,  1.]])

    Source:
        Everingham et al., The PASCAL Visual Object Classes Challenge, section 4.2 (2010); VOC 2010 devkit for the area.
        Deviation: whether recall reaches k/10 is decided in whole numbers, so that 3 of 10 always reaches 0.3.
    """
    if not all(0 < threshold <= 1 for threshold in iou_thresholds):
        raise ValueError(f"Expected IoU thresholds in (0, 1] but got {iou_thresholds}; use for example (0.5,).")
    order = np.lexsort((detections.image_index, -detections.scores, detections.labels))
    detections = PackedDetections(*(column[order] for column in detections))
    overlap, assigned = best_object(detections, objects, num_classes)
    difficult = np.append(objects.difficult, False)[assigned]
    hits = [true_and_false(overlap >= threshold, assigned, difficult) for threshold in iou_thresholds]
    bounds = np.searchsorted(detections.labels, np.arange(num_classes + 1))
    spans = [slice(start, stop) for start, stop in pairwise(bounds.tolist())]
    counts = np.bincount(objects.labels[~objects.difficult], minlength=num_classes)
    averages = np.array(
        [[class_averages(true[s], false[s], n) for s, n in zip(spans, counts, strict=True)] for true, false in hits]
    ).reshape(len(iou_thresholds), num_classes, 2)
    true, false = hits[0]
    curves = tuple(_curve(true[s], false[s], detections.scores[s], n) for s, n in zip(spans, counts, strict=True))
    return AveragePrecision(averages[..., 0], averages[..., 1], counts, curves)


def confusion_matrix(
    detections: PackedDetections,
    objects: PackedObjects,
    num_classes: int,
    score_threshold: float = 0.3,
    iou_threshold: float = 0.5,
) -> Int[np.ndarray, "{num_classes}+1 {num_classes}+1"]:
    """Counts predicted against true classes; the last row and column are the background.

    By falling score, each detection takes the free object of any class that it overlaps most. What remains is paired
    with the background; difficult objects and the detections on them are not counted.

    Args:
        detections: Detections of all images.
        objects: Ground truth of all images.
        num_classes: Classes without the background.
        score_threshold: Smallest score of a detection that is counted.
        iou_threshold: Smallest IoU of a hit.

    Returns:
        Row: true class, column: predicted class.

    Example:
        >>> box = np.array([[0.0, 0.0, 10.0, 10.0]])
        >>> found = PackedDetections(np.array([0]), np.array([1]), np.array([0.9]), box)
        >>> truth = PackedObjects(np.array([0]), np.array([0]), box, np.array([False]))
        >>> confusion_matrix(found, truth, num_classes=2)
        array([[0, 1, 0],
               [0, 0, 0],
               [0, 0, 0]])
    """
    detections = PackedDetections(*(column[detections.scores >= score_threshold] for column in detections))
    found = _greedy_match(detections, objects, iou_threshold)
    labels, difficult = np.append(objects.labels, num_classes), np.append(objects.difficult, False)
    taken = np.zeros(len(objects.labels) + 1, bool)
    taken[found] = True
    missed = objects.labels[~taken[:-1] & ~objects.difficult]
    counted = ~difficult[found]
    true_class = np.concatenate([labels[found][counted], missed])
    found_class = np.concatenate([detections.labels[counted], np.full(len(missed), num_classes)])
    side = num_classes + 1
    return np.bincount(true_class * side + found_class, minlength=side * side).reshape(side, side)


def pair_up(
    left: Integer[np.ndarray, " D"], right: Integer[np.ndarray, " M"]
) -> tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"]]:
    """Indices (left, right) of all pairs with equal keys, ordered by the left index and then by the right one."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, "left")
    count = np.searchsorted(right[order], left, "right") - first
    pair_left = np.repeat(np.arange(len(left)), count)
    place = np.arange(len(pair_left)) - np.repeat(np.cumsum(count) - count, count)
    return pair_left, order[np.repeat(first, count) + place]


def paired_iou(a: Float[np.ndarray, "P 4"], b: Float[np.ndarray, "P 4"]) -> Float[np.ndarray, " P"]:
    """IoU row by row in float64; 0 where it is undefined, so that a broken box is a plain miss."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
        intersection = np.maximum(sides, 0).prod(1)
        union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - intersection
        return np.nan_to_num(intersection / union, nan=0.0, posinf=0.0, neginf=0.0)


def best_object(
    detections: PackedDetections, objects: PackedObjects, num_classes: int
) -> tuple[Float[np.ndarray, " D"], Int[np.ndarray, " D"]]:
    """The largest IoU with an object of the same image and class, and its index; 0 and −1 without any."""
    found, truth = pair_up(
        detections.image_index.astype(np.int64) * num_classes + detections.labels,
        objects.image_index.astype(np.int64) * num_classes + objects.labels,
    )
    iou = paired_iou(detections.boxes[found], objects.boxes[truth])
    order = np.lexsort((truth, -iou, found))
    best = order[np.unique(found[order], return_index=True)[1]]
    overlap, assigned = np.zeros(len(detections.labels)), np.full(len(detections.labels), -1)
    overlap[found[best]], assigned[found[best]] = iou[best], truth[best]
    return overlap, assigned


def true_and_false(
    reached: Bool[np.ndarray, " D"], assigned: Int[np.ndarray, " D"], difficult: Bool[np.ndarray, " D"]
) -> tuple[Bool[np.ndarray, " D"], Bool[np.ndarray, " D"]]:
    """Marks true and false positives among detections by falling score; those on difficult objects are neither."""
    hits = np.flatnonzero(reached & ~difficult)
    true = np.zeros(len(reached), bool)
    true[hits[np.unique(assigned[hits], return_index=True)[1]]] = True
    return true, ~true & ~(reached & difficult)


def class_averages(
    true: Bool[np.ndarray, " K"], false: Bool[np.ndarray, " K"], objects: int | np.integer
) -> tuple[float, float]:
    """Average precision of one class: area under the interpolated curve, and its 11-point form; NaN without objects.

    Precision peaks at true positives, each of which raises recall by 1 / objects, so only they are computed.
    """
    if objects == 0:
        return float("nan"), float("nan")
    found = np.arange(1, np.count_nonzero(true) + 1)
    precision = found / (found + np.cumsum(false)[true])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    needed = np.maximum((np.arange(11) * objects + 9) // 10, 1)
    return float(envelope.sum() / objects), float(envelope[needed[needed <= len(found)] - 1].sum() / 11)


def _curve(
    true: Bool[np.ndarray, " K"],
    false: Bool[np.ndarray, " K"],
    scores: Float[np.ndarray, " K"],
    objects: int | np.integer,
) -> Curve:
    counted = true | false
    found = np.cumsum(true[counted])
    precision = found / np.arange(1, len(found) + 1)
    recall = found / objects if objects else np.full(len(found), np.nan)
    return Curve(precision.astype(np.float32), recall.astype(np.float32), scores[counted].astype(np.float32))


def _greedy_match(detections: PackedDetections, objects: PackedObjects, iou_threshold: float) -> Int[np.ndarray, " D"]:
    """The object that each detection takes, −1 for none; equal overlaps go to the detection's own class."""
    found, truth = pair_up(detections.image_index, objects.image_index)
    iou = paired_iou(detections.boxes[found], objects.boxes[truth])
    near = iou >= iou_threshold
    found, truth, iou = found[near], truth[near], iou[near]
    other_class = detections.labels[found] != objects.labels[truth]
    order = np.lexsort((truth, other_class, -iou, found, -detections.scores[found]))
    matched, taken = np.full(len(detections.labels), -1), set()
    for detection, target in zip(found[order].tolist(), truth[order].tolist(), strict=True):
        if matched[detection] < 0 and target not in taken:
            matched[detection] = target
            taken.add(target)
    return matched
