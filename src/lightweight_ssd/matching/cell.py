"""Matching by place and shape: the cell that holds an object's center learns it, with the anchor of the best shape."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor
from torch.nn import functional

from lightweight_ssd.ops.boxes import EPSILON, xyxy_to_cxcywh
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["CellMatcher"]

_MOST_SHAPES = 128  # over all levels; a bound, so that no tensor's size depends on values
_LAST = 1e-30  # below the likeness of any two shapes


class CellMatcher:
    """One anchor per object: of all levels the shape most like it, in the cell that holds its center.

    How alike two shapes are is the IoU of both around one center (ties: the earlier anchor). Where several objects
    want one anchor, the one that is more like it has it (ties: the lower index), the others have none. An object
    without area or with its center outside the image has none either. An object to be ignored takes no anchor from
    another one, but its own is no background.

    All levels have the same shapes in every cell, so only those of the first cells are compared, and the place of the
    chosen one is computed: thousands of times less than every object with every anchor.

    Source: Redmon and Farhadi, YOLOv3 (2018), section 2.1; with one level, YOLO9000 (2017). Deviation: in the original
    the later of two objects takes the anchor.
    """

    def __call__(
        self,
        anchors: Float[Tensor, "A 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        cells: Float[Tensor, "A 2"] | None = None,
    ) -> Int64[Tensor, "B A"]:
        """The object of each anchor; −1 for background, −2 where there is nothing to learn.

        Args:
            anchors: xyxy, pixels, as a detector's anchors are sorted: level, row, column, shape; each at the center of
                its cell.
            boxes: Objects, xyxy, pixels, padded to M; M = 0 is allowed.
            labels: Class index from 0; −1 marks padding, `OTHER_CLASS` (−2) objects to be ignored.
            cells: (width, height) of the cell of each anchor, pixels.

        Raises:
            ValueError: There are no sizes of cells.
            RuntimeError: There are more than 128 shapes of anchors over all levels.
        """
        if cells is None:
            raise ValueError("Expected anchors with the sizes of their cells for CellMatcher but got none.")
        if boxes.shape[1] == 0 or len(anchors) == 0:
            return labels.new_full((boxes.shape[0], len(anchors)), -1, dtype=torch.int64)
        place, likeness = _best(anchors, cells, boxes)
        quality = torch.where(labels >= 0, likeness, torch.where(labels == OTHER_CLASS, likeness * _LAST, 0.0))
        object_ = torch.arange(boxes.shape[1], device=boxes.device)
        learned = torch.where(labels == OTHER_CLASS, OTHER_CLASS, object_)
        # Objects without an anchor share a place behind the last one.
        place = torch.where(_wins(place, quality), place, len(anchors))
        matches = learned.new_full((len(boxes), len(anchors) + 1), -1).scatter_(1, place, learned)
        return matches[:, :-1].contiguous()


def _wins(place: Int64[Tensor, "B M"], quality: Float[Tensor, "B M"]) -> Bool[Tensor, "B M"]:
    """Whether each object has the highest quality, above 0, of those at its place; of equal ones the first."""
    mine, other = quality[:, :, None], quality[:, None]
    is_earlier = torch.ones(quality.shape[1:] * 2, dtype=torch.bool, device=quality.device).tril(-1)
    is_better = (other > mine) | ((other == mine) & is_earlier)
    beaten = ((place[:, :, None] == place[:, None]) & is_better).any(dim=2)
    return (quality > 0) & ~beaten


def _best(
    anchors: Float[Tensor, "A 4"], cells: Float[Tensor, "A 2"], boxes: Float[Tensor, "B M 4"]
) -> tuple[Int64[Tensor, "B M"], Float[Tensor, "B M"]]:
    """The anchor of each object by its shape and place, and the IoU of the two shapes; 0 where it has none."""
    anchor, box = xyxy_to_cxcywh(anchors.float()), xyxy_to_cxcywh(boxes.float())
    image = (anchor[:, :2] + cells / 2).amax(dim=0)  # the last cells end where the image does
    first = _first_cells(anchor[:, :2], cells)
    iou = torch.where(first.real, _shape_iou(box[..., 2:], anchor[first.place, 2:]), -1.0)
    likeness, chosen = iou.max(dim=-1)
    cell = cells[first.place][chosen]
    grid = (image / cell).round()  # columns and rows of the level
    at = (box[..., :2] / cell).floor().minimum(grid - 1)
    inside = ((box[..., :2] >= 0) & (box[..., :2] <= image)).all(dim=-1)
    number = (at[..., 1] * grid[..., 0] + at[..., 0]).long()
    place = first.place[chosen] + number.clamp(min=0) * first.per_cell[chosen]
    inside &= place < len(anchors)
    return torch.where(inside, place, 0), torch.where(inside, likeness, 0.0)


class _Shapes(NamedTuple):
    """The anchors of the first cell of each level, in their order.

    Attributes:
        place: Among all anchors.
        real: False where the tensor is only filled up.
        per_cell: Anchors in a cell of the level of each.
    """

    place: Int64[Tensor, " K"]
    real: Bool[Tensor, " K"]
    per_cell: Int64[Tensor, " K"]


def _first_cells(centers: Float[Tensor, "A 2"], cells: Float[Tensor, "A 2"]) -> _Shapes:
    count = len(cells)
    is_first = (centers < cells).all(dim=-1)
    # Checked where the tensor lies: to ask for the number would make the host wait.
    torch._assert_async(  # pyright: ignore[reportPrivateImportUsage]
        is_first.sum() <= _MOST_SHAPES, f"Expected at most {_MOST_SHAPES} shapes of anchors for CellMatcher; use fewer."
    )
    order = torch.where(is_first, torch.arange(count, device=cells.device), count)
    index = order.topk(min(_MOST_SHAPES, count), largest=False, sorted=True).values
    real, index = index < count, index.clamp(max=count - 1)
    own = cells[index]
    new_level = (index.diff() != 1) | (own.diff(dim=0) != 0).any(dim=-1)
    level = functional.pad(new_level.cumsum(0), (1, 0))
    per_cell = ((level[:, None] == level) & real).sum(dim=1)
    return _Shapes(index, real, per_cell)


def _shape_iou(first: Float[Tensor, "B M 2"], second: Float[Tensor, "K 2"]) -> Float[Tensor, "B M K"]:
    """IoU of boxes of these sides around one center."""
    width, height = first.clamp(min=0)[..., None, :].unbind(-1)
    other_width, other_height = second.unbind(-1)
    shared = torch.minimum(width, other_width) * torch.minimum(height, other_height)
    return shared / (width * height + other_width * other_height - shared).clamp(min=EPSILON)
