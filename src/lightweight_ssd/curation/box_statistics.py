"""How many objects a split has of each class and size, and which of them the anchors of a detector miss."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.input_boxes import InputBoxes, input_boxes
from lightweight_ssd.detector.anchor_fit import (
    MATCH_THRESHOLD,
    AnchorGrid,
    AnchorShapes,
    best_anchors,
    fit_anchors,
)

__all__ = ["SIZE_EDGES", "BoxStatistics", "GroupOfBoxes", "box_statistics"]

SIZE_EDGES = (0, 16, 32, 64, 128, 256)
"""Where each group of sizes begins: the square root of a box's area, pixels of the network's input."""

_WORTH_OFFERING = 0.01  # of all boxes: fewer of them are no reason to change the anchors


@dataclass(frozen=True)
class GroupOfBoxes:
    """The boxes of one class, or of one size.

    Attributes:
        name: Of the class, or the range of sizes.
        boxes: How many; crowd regions and ignored objects are not counted.
        images: With such a box.
        side: Median of the square root of the area, pixels of the network's input; NaN without boxes.
        unmatched: Boxes that no anchor overlaps with an IoU of at least 0.5.
        unmatched_fitted: The same with anchors fitted to the boxes.
    """

    name: str
    boxes: int
    images: int
    side: float
    unmatched: int
    unmatched_fitted: int


@dataclass(frozen=True)
class BoxStatistics:
    """What a split holds, beside the anchors of a detector.

    Attributes:
        images: Of the split.
        empty_images: Without a box that is learned.
        classes: By falling number of boxes.
        sizes: By rising size; sizes without boxes are left out.
        total: All boxes.
        anchors: (scale, aspect ratio) of every anchor of a cell, per level.
        fitted: The same, fitted to the boxes.
        input_size: (height, width) of the network's input, pixels.
        boxes: All boxes, at the network's input.
        matched: Which of them an anchor overlaps with an IoU of at least 0.5.
    """

    images: int
    empty_images: int
    classes: tuple[GroupOfBoxes, ...]
    sizes: tuple[GroupOfBoxes, ...]
    total: GroupOfBoxes
    anchors: AnchorShapes
    fitted: AnchorShapes
    input_size: tuple[int, int]
    boxes: InputBoxes
    matched: Bool[np.ndarray, " N"]

    @property
    def is_fit_worth_it(self) -> bool:
        """Whether fitted anchors match at least one box in a hundred more."""
        return self.total.unmatched - self.total.unmatched_fitted >= max(1, _WORTH_OFFERING * self.total.boxes)


def box_statistics(annotations: PackedAnnotations, anchors: AnchorShapes, grid: AnchorGrid) -> BoxStatistics:
    """Counts the boxes of a split, and those that no anchor matches where they lie.

    Args:
        annotations: The split.
        anchors: (scale, aspect ratio) of every anchor of a cell, per level.
        grid: Where the anchors lie at the network's input.
    """
    known = input_boxes(annotations, grid.image_size)
    fitted = fit_anchors(known.boxes, anchors, grid)
    matched, by_fitted = (best_anchors(known.boxes, each, grid)[0] >= MATCH_THRESHOLD for each in (anchors, fitted))
    names, sides = annotations.class_names, known.sides

    def group(name: str, chosen: Bool[np.ndarray, " N"]) -> GroupOfBoxes:
        return _group(name, chosen, known, sides, matched, by_fitted)

    classes = [group(name, known.labels == label) for label, name in enumerate(names)]
    number = np.digitize(sides, SIZE_EDGES[1:])
    sizes = [group(_range(place), number == place) for place in range(len(SIZE_EDGES))]
    return BoxStatistics(
        images=len(annotations),
        empty_images=len(annotations) - len(np.unique(known.images)),
        classes=tuple(sorted(classes, key=lambda one: -one.boxes)),
        sizes=tuple(one for one in sizes if one.boxes),
        total=group("all", np.ones(len(sides), bool)),
        anchors=anchors,
        fitted=fitted,
        input_size=grid.image_size,
        boxes=known,
        matched=matched,
    )


def _group(
    name: str,
    chosen: Bool[np.ndarray, " N"],
    known: InputBoxes,
    sides: Float[np.ndarray, " N"],
    matched: Bool[np.ndarray, " N"],
    by_fitted: Bool[np.ndarray, " N"],
) -> GroupOfBoxes:
    count: Int[np.ndarray, ""] = chosen.sum()
    side = float(np.median(sides[chosen])) if count else float("nan")
    unmatched, fitted = int((chosen & ~matched).sum()), int((chosen & ~by_fitted).sum())
    return GroupOfBoxes(name, int(count), len(np.unique(known.images[chosen])), side, unmatched, fitted)


def _range(place: int) -> str:
    edges = [*SIZE_EDGES, None]
    low, high = edges[place], edges[place + 1]
    return f"{low}–{high} px" if high else f"from {low} px"
