"""Where the lost mAP goes: wrong class, wrong place, both, duplicates, background, missed objects.

Each false positive is given one kind by how it lies to the objects of its image, and each object that nothing reaches
is missed. One kind at a time is then fixed, everything else left as it is, and the rise in mAP is what that kind costs.
The rises do not add up to what is lacking to 1: a detection that is fixed changes what the others cost.

Difficult objects count neither way. A false positive can lie on one (of another class, or not well enough placed); it
has its kind like any other, and once fixed it would be on a difficult object, so it is left out.

Not covered: the split by area, and ten IoU thresholds at once; all is at one threshold, 0.5 unless said otherwise.
"""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.assignment import Assignment, assign_detections, average_precision_of, pairs_of_an_image
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects

__all__ = ["ERROR_KINDS", "ErrorCounts", "ErrorDecomposition", "decompose_errors", "errors_by_class"]

_LOCALIZATION, _CLASSIFICATION, _DUPLICATE, _BACKGROUND, _BOTH = range(1, 6)


class ErrorCounts(NamedTuple):
    """How many there are of each kind: false positives, and for `missed` objects."""

    classification: int
    localization: int
    both: int
    duplicate: int
    background: int
    missed: int


ERROR_KINDS: Final = ErrorCounts._fields
"""In the order in which they are shown."""


class ErrorDecomposition(NamedTuple):
    """The rise in mAP (0 to 1) if one kind of error alone were fixed; NaN without countable objects.

    Attributes:
        classification: Well placed on an object of another class. Fixed: gets that class.
        localization: On an object of its class, but too loosely. Fixed: gets that object's box.
        both: Loosely on an object of another class. Fixed: left out, as are the next two.
        duplicate: On an object that a detection of higher score has already found.
        background: On nothing.
        missed: Objects that no detection of the first two kinds reaches. Fixed: not asked for.
        false_positive: All false positives moved below all true ones.
        false_negative: All objects that are not found not asked for.
        counts: How many there are of each kind.
    """

    classification: float
    localization: float
    both: float
    duplicate: float
    background: float
    missed: float
    false_positive: float
    false_negative: float
    counts: ErrorCounts


def decompose_errors(
    evaluated: EvaluatedSet, iou_threshold: float = 0.5, background_threshold: float = 0.1
) -> ErrorDecomposition:
    """Splits what is lacking to a perfect mAP by kind of error.

    One detection per object is fixed, that of the highest score among all that are wrong in class or place; the
    others are left out, as duplicates would be, and so are those of an object that has been found.

    Args:
        evaluated: Detections and objects of a run.
        iou_threshold: From here on a box is well placed.
        background_threshold: Below it a box lies on nothing; above 0, at most `iou_threshold`.

    Raises:
        ValueError: If the thresholds are out of range.

    Source:
        Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors (2020), sections 2.2 and 2.3.
        Where two kinds fit, the order is that of the authors' tool: localization, classification, duplicate,
        background.
        Deviations: matching and area are VOC's (`voc_average_precision`), so that the parts belong to the mAP of the
        run, where the tool has COCO's matching and 101 points of recall; a class without objects is left out, not 0.
        As there, a class of which every object is missed stays at 0: without them nothing is left to find.
    """
    areas = _areas(evaluated, iou_threshold, background_threshold)
    before = _mean(areas.before, areas.asked)
    rises = {kind: float(np.maximum(_mean(after, areas.asked) - before, 0)) for kind, after in areas.after.items()}
    return ErrorDecomposition(**rises, counts=areas.counts)


def errors_by_class(
    evaluated: EvaluatedSet, iou_threshold: float = 0.5, background_threshold: float = 0.1
) -> dict[str, Float[np.ndarray, " C"]]:
    """The rise in the average precision of each class, by kind of error; the mean over classes is `decompose_errors`.

    Args:
        evaluated: Detections and objects of a run.
        iou_threshold: As for `decompose_errors`.
        background_threshold: The same.

    Returns:
        For each of `ERROR_KINDS` and the two sums, 0 to 1; NaN for a class without countable objects. `classification`
        is here of the class that the detections gain, as that of their objects, or lose.

    Raises:
        ValueError: If the thresholds are out of range.
    """
    areas = _areas(evaluated, iou_threshold, background_threshold)
    unknown = areas.asked == 0
    return {
        kind: np.where(unknown, np.nan, np.nan_to_num(after) - np.nan_to_num(areas.before))
        for kind, after in areas.after.items()
    }


class _Areas(NamedTuple):
    """Average precision per class, as it is and with one kind of error fixed; objects that are asked for; counts."""

    before: Float[np.ndarray, " C"]
    after: dict[str, Float[np.ndarray, " C"]]
    asked: Int[np.ndarray, " C"]
    counts: ErrorCounts


def _areas(evaluated: EvaluatedSet, iou_threshold: float, background_threshold: float) -> _Areas:
    if not 0 < background_threshold <= iou_threshold:
        raise ValueError(
            f"Expected a background threshold in (0, {iou_threshold}] but got {background_threshold}; "
            "use for example 0.1."
        )
    objects = evaluated.objects
    assignment = assign_detections(evaluated.detections, objects, len(evaluated.class_names), iou_threshold)
    other_iou, other_target = _best_of_other_classes(assignment, objects)
    kinds = _kinds(assignment, other_iou, iou_threshold, background_threshold)
    targets = np.select([kinds == _CLASSIFICATION, kinds == _LOCALIZATION], [other_target, assignment.target], -1)
    repaired = _best_of_each_target(assignment, targets, objects)
    return _fixed(assignment, kinds, targets, repaired, objects, len(evaluated.class_names))


def _best_of_other_classes(
    assignment: Assignment, objects: PackedObjects
) -> tuple[Float[np.ndarray, " D"], Int[np.ndarray, " D"]]:
    """For each false positive the largest IoU with an object of another class, and its index; else 0 and −1."""
    wrong = np.flatnonzero(assignment.false)
    detections = PackedDetections(*(column[wrong] for column in assignment.detections))
    found, truth, iou = pairs_of_an_image(detections, objects)
    other = (detections.labels[found] != objects.labels[truth]) & (iou > 0)
    found, truth, iou = wrong[found[other]], truth[other], iou[other]
    order = np.lexsort((truth, -iou, found))
    best = order[np.unique(found[order], return_index=True)[1]]
    largest, target = np.zeros(len(assignment.order)), np.full(len(assignment.order), -1)
    largest[found[best]], target[found[best]] = iou[best], truth[best]
    return largest, target


def _kinds(
    assignment: Assignment, other_iou: Float[np.ndarray, " D"], iou_threshold: float, background_threshold: float
) -> Int[np.ndarray, " D"]:
    """The kind of each false positive; 0 for all other detections."""
    conditions = [
        ~assignment.false,
        (assignment.iou >= background_threshold) & (assignment.iou < iou_threshold),
        other_iou >= iou_threshold,
        assignment.iou >= iou_threshold,
        other_iou <= background_threshold,
    ]
    return np.select(conditions, [0, _LOCALIZATION, _CLASSIFICATION, _DUPLICATE, _BACKGROUND], _BOTH)


def _best_of_each_target(
    assignment: Assignment, targets: Int[np.ndarray, " D"], objects: PackedObjects
) -> Bool[np.ndarray, " D"]:
    """Which detections become true when fixed: the first by score on each countable object not yet found."""
    open_objects = ~objects.difficult
    open_objects[assignment.target[assignment.true]] = False
    order = np.lexsort((assignment.order, -assignment.detections.scores, targets))
    order = order[(targets[order] >= 0) & np.append(open_objects, False)[targets[order]]]
    repaired = np.zeros(len(targets), bool)
    repaired[order[np.unique(targets[order], return_index=True)[1]]] = True
    return repaired


def _fixed(
    assignment: Assignment,
    kinds: Int[np.ndarray, " D"],
    targets: Int[np.ndarray, " D"],
    repaired: Bool[np.ndarray, " D"],
    objects: PackedObjects,
    num_classes: int,
) -> _Areas:
    labels, true, false = assignment.detections.labels, assignment.true, assignment.false
    countable = ~objects.difficult
    reached = np.zeros(len(countable), bool)
    reached[assignment.target[true]] = True
    found_per_class = np.bincount(objects.labels[reached], minlength=num_classes)
    reached[targets[repaired]] = True
    asked = np.bincount(objects.labels[countable], minlength=num_classes)
    missed = np.bincount(objects.labels[countable & ~reached], minlength=num_classes)

    def without(kind: int) -> Float[np.ndarray, " C"]:
        fixed = true | (repaired & (kinds == kind))
        return average_precision_of(labels, fixed, false & (kinds != kind), asked)

    after = {
        "classification": _with_right_classes(assignment, kinds == _CLASSIFICATION, targets, repaired, objects, asked),
        "localization": without(_LOCALIZATION),
        "both": without(_BOTH),
        "duplicate": without(_DUPLICATE),
        "background": without(_BACKGROUND),
        "missed": average_precision_of(labels, true, false, asked - missed),
        "false_positive": average_precision_of(labels, true, np.zeros_like(false), asked),
        "false_negative": average_precision_of(labels, true, false, found_per_class),
    }
    before = average_precision_of(labels, true, false, asked)
    return _Areas(before, after, asked, _counts(kinds, int(missed.sum())))


def _with_right_classes(
    assignment: Assignment,
    wrong: Bool[np.ndarray, " D"],
    targets: Int[np.ndarray, " D"],
    repaired: Bool[np.ndarray, " D"],
    objects: PackedObjects,
    asked: Int[np.ndarray, " C"],
) -> Float[np.ndarray, " C"]:
    """Average precision once detections of a wrong class have the class of their object and stand in its list."""
    found = assignment.detections
    moved = wrong & repaired
    labels = np.where(moved, np.append(objects.labels, -1)[targets], found.labels)
    order = np.lexsort((assignment.order, found.image_index, -found.scores, labels))
    true, false = assignment.true | moved, assignment.false & ~wrong
    return average_precision_of(labels[order], true[order], false[order], asked)


def _mean(areas: Float[np.ndarray, " C"], asked: Int[np.ndarray, " C"]) -> float:
    """Over the classes that had objects to begin with; one that has none left counts 0."""
    known = areas[asked > 0]
    return float(np.nan_to_num(known).mean()) if known.size else float("nan")


def _counts(kinds: Int[np.ndarray, " D"], missed: int) -> ErrorCounts:
    each = np.bincount(kinds, minlength=_BOTH + 1).tolist()
    return ErrorCounts(
        classification=each[_CLASSIFICATION],
        localization=each[_LOCALIZATION],
        both=each[_BOTH],
        duplicate=each[_DUPLICATE],
        background=each[_BACKGROUND],
        missed=missed,
    )
