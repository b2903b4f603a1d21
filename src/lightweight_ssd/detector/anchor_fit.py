"""How well anchors fit the boxes of a data set, and anchors that fit them better.

An anchor lies at the center of every cell of its level. What counts for a box is therefore not its size alone: a small
box between two cells of a coarse level overlaps no anchor enough, whatever their shapes. For each box and level only
the nearest cell matters, since along each side the overlap of two boxes falls with the distance of their centers. So
the best IoU is exact without the thousands of anchors: one number per box and shape.
"""

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from lightweight_ssd.anchors.generator import AnchorGenerator
from lightweight_ssd.anchors.ssd import SSDAnchors
from lightweight_ssd.coding.cell import CellCoder

__all__ = [
    "MATCH_THRESHOLD",
    "AnchorGrid",
    "AnchorShapes",
    "anchor_grid",
    "anchor_shapes",
    "anchor_sides",
    "best_anchors",
    "fit_anchors",
]

AnchorShapes = list[list[tuple[float, float]]]
"""(scale, aspect ratio) of every anchor of a cell, per level; scales in units of the input's shorter side."""

MATCH_THRESHOLD = 0.5
_ROUNDS_WITHOUT_GAIN = 10
_MOST_BOXES = 20_000  # of the fit; more move no anchor by a visible amount
_CHUNK = 20_000


class AnchorGrid(NamedTuple):
    """Where anchors can lie.

    Attributes:
        image_size: (height, width) of the network's input, pixels.
        sizes: (rows, columns) of each level, finest first.
        anywhere: Whether a box is predicted from the cell that holds its center, wherever in the cell, so that shapes
            alone count.
    """

    image_size: tuple[int, int]
    sizes: tuple[tuple[int, int], ...]
    anywhere: bool = False


def anchor_grid(detector: Any, image_size: tuple[int, int]) -> AnchorGrid:
    """The levels of a detector at an input of this size, from a copy without data: nothing is computed.

    Args:
        detector: With a `backbone` and a `neck`.
        image_size: (height, width) of its input, pixels.

    Raises:
        ValueError: The input is smaller than the detector takes.
    """
    if min(image_size) < detector.min_size:
        raise ValueError(f"Expected an image_size of {detector.min_size} pixels or more a side but got {image_size}.")
    model = deepcopy(detector).to("meta").eval()
    with torch.no_grad():
        maps = model.neck(model.backbone(torch.empty(1, 3, *image_size, device="meta")))
    sizes = tuple((level.shape[-2], level.shape[-1]) for level in maps)
    return AnchorGrid(image_size, sizes, anywhere=isinstance(detector.coder, CellCoder))


def anchor_shapes(anchors: AnchorGenerator, grid: AnchorGrid) -> AnchorShapes:
    """The shapes of a rule of anchors, whatever units it has them in.

    Example:
        >>> from lightweight_ssd.anchors.shapes import ShapeAnchors
        >>> anchor_shapes(ShapeAnchors([[(40, 10)]]), AnchorGrid((100, 200), ((1, 1),)))
        [[(0.2, 4.0)]]
    """
    count, (height, width) = len(grid.sizes), grid.image_size
    if isinstance(anchors, SSDAnchors):
        return anchors.shapes(count)
    boxes = anchors([(1, 1)] * count, (height, width)).boxes.double()
    sides = (boxes[:, 2:] - boxes[:, :2]).round(decimals=3).numpy()  # pixels
    return _shapes(sides, np.repeat(np.arange(count), anchors.per_cell(count)), grid)


def best_anchors(
    boxes: Float[np.ndarray, "N 4"], shapes: AnchorShapes, grid: AnchorGrid
) -> tuple[Float[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """For each box the IoU with the anchor that overlaps it most, and the place of its shape, counted over all levels.

    Args:
        boxes: xyxy, pixels of the network's input.
        shapes: Of the anchors.
        grid: Where they lie.

    Example:
        >>> grid = AnchorGrid((100, 100), ((1, 1),))
        >>> best_anchors(np.array([[25.0, 25.0, 75.0, 75.0]]), [[(0.5, 1.0), (0.9, 1.0)]], grid)
        (array([1.]), array([0]))
    """
    sides, level = _sides(shapes, grid)
    found = [_best(boxes[first : first + _CHUNK], sides, level, grid) for first in range(0, len(boxes), _CHUNK)]
    if not found:
        return np.zeros(0), np.zeros(0, int)
    iou, place = zip(*found, strict=True)
    return np.concatenate(iou), np.concatenate(place)


def anchor_sides(level: list[tuple[float, float]], image_size: tuple[int, int]) -> list[tuple[float, float]]:
    """Width and height of each anchor of a level, pixels of the network's input.

    Example:
        >>> anchor_sides([(0.5, 4.0)], (100, 200))
        [(100.0, 25.0)]
    """
    return [(scale * ratio**0.5 * min(image_size), scale / ratio**0.5 * min(image_size)) for scale, ratio in level]


def fit_anchors(boxes: Float[np.ndarray, "N 4"], start: AnchorShapes, grid: AnchorGrid) -> AnchorShapes:
    """Moves anchors to where the boxes are: k-means with 1 − IoU as the distance, cells and levels included.

    Each box goes to the anchor that overlaps it most where it really lies; each anchor becomes the mean width and
    height of its boxes; one without boxes starts again at a box that is served worst. Of all rounds the one with the
    largest share of boxes with an IoU of at least 0.5 is kept, at equal shares the one with the largest mean IoU. No
    chance is involved, and every level keeps its number of anchors, so the head and its cost stay the same.

    Args:
        boxes: xyxy, pixels of the network's input; those of zero area are passed over.
        start: Anchors to begin with; they are returned where nothing better is found.
        grid: Where they lie.

    Returns:
        Rounded to four decimals, so that they can stand in a configuration; by rising area within a level, and over
        all levels where shapes alone count.

    Source: Redmon and Farhadi, YOLO9000 (2017), section 2, for the distance. There all boxes share one center; here
        they do where shapes alone count, and otherwise lie where they lie, so that a shape is not learned for a level
        that cannot place it.
    """
    boxes = boxes[((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)]
    boxes = boxes[:: max(1, -(-len(boxes) // _MOST_BOXES))].astype(np.float64)
    (sides, level), shapes = _sides(start, grid), start
    best, chosen, before, since = (-1.0, -1.0), start, None, 0
    while len(boxes) and since < _ROUNDS_WITHOUT_GAIN:
        iou, place = best_anchors(boxes, shapes, grid)
        quality = (float((iou >= MATCH_THRESHOLD).mean()), float(iou.mean()))
        chosen, best, since = (shapes, quality, 0) if quality > best else (chosen, best, since + 1)
        if before is not None and (before == place).all():
            break
        before = place
        means = _means(boxes, iou, place, sides, level, grid)
        shapes = _shapes(means[means.prod(1).argsort(kind="stable")] if grid.anywhere else means, level, grid)
        sides, level = _sides(shapes, grid)
    return chosen


def _means(
    boxes: Float[np.ndarray, "N 4"],
    iou: Float[np.ndarray, " N"],
    place: Int[np.ndarray, " N"],
    sides: Float[np.ndarray, "K 2"],
    level: Int[np.ndarray, " K"],
    grid: AnchorGrid,
) -> Float[np.ndarray, "K 2"]:
    """Mean sides of the boxes of each anchor.

    An anchor without any starts again at the box that is served worst among those at least as large as a cell of its
    level: a smaller one would be met by chance alone. Where there is none, it stays.
    """
    own, count = boxes[:, 2:] - boxes[:, :2], np.bincount(place, minlength=len(sides))
    sums = np.stack([np.bincount(place, own[:, side], minlength=len(sides)) for side in (0, 1)], 1)
    moved = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], sides)
    cells = (np.array(grid.image_size) / np.array(grid.sizes)).max(1)
    area, open_boxes = own.prod(1), iou < MATCH_THRESHOLD
    for empty in np.flatnonzero(count == 0):
        fits = np.flatnonzero(open_boxes & (area >= cells[level[empty]] ** 2))
        if len(fits):
            worst = fits[iou[fits].argmin()]
            moved[empty], open_boxes[worst] = own[worst], False
    return moved


def _best(
    boxes: Float[np.ndarray, "N 4"], sides: Float[np.ndarray, "K 2"], level: Int[np.ndarray, " K"], grid: AnchorGrid
) -> tuple[Float[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    own, away = boxes[:, None, 2:] - boxes[:, None, :2], _distances(boxes, grid)[:, level]
    overlap = np.minimum(np.minimum(own, sides), (own + sides) / 2 - away)
    shared = np.maximum(overlap, 0).prod(2)
    iou = shared / np.maximum(own.prod(2) + sides.prod(1) - shared, 1e-9)
    place = iou.argmax(1)
    return iou[np.arange(len(boxes)), place], place


def _distances(boxes: Float[np.ndarray, "N 4"], grid: AnchorGrid) -> Float[np.ndarray, "N L 2"]:
    """From the center of each box to the center of the nearest cell of each level, along x and y; 0 for any place."""
    if grid.anywhere:
        return np.zeros((len(boxes), len(grid.sizes), 2))
    cells = np.array([size[::-1] for size in grid.sizes], np.float64)  # columns, rows
    cell = np.array(grid.image_size[::-1], np.float64) / cells
    centers = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    nearest = np.clip(np.floor(centers / cell), 0, cells - 1)
    return np.abs(centers - (nearest + 0.5) * cell)


def _sides(shapes: AnchorShapes, grid: AnchorGrid) -> tuple[Float[np.ndarray, "K 2"], Int[np.ndarray, " K"]]:
    """Width and height of every shape, pixels, and its level."""
    flat = np.array([shape for level in shapes for shape in level], np.float64)
    root = np.sqrt(flat[:, 1:])
    sides = flat[:, :1] * np.concatenate([root, 1 / root], 1) * min(grid.image_size)
    return sides, np.repeat(np.arange(len(shapes)), [len(level) for level in shapes])


def _shapes(sides: Float[np.ndarray, "K 2"], level: Int[np.ndarray, " K"], grid: AnchorGrid) -> AnchorShapes:
    scales, ratios = np.sqrt(sides.prod(1)) / min(grid.image_size), sides[:, 0] / sides[:, 1]
    rows: list[tuple[float, float]] = list(zip(scales.round(4).tolist(), ratios.round(4).tolist(), strict=True))
    return [sorted(rows[at] for at in np.flatnonzero(level == number)) for number in range(int(level[-1]) + 1)]
