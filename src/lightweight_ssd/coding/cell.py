"""YOLO's coding: the place in the cell as a sigmoid, the sides as logarithms of their quotient by the anchor's."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.box_coding import MAX_LOG_SIZE
from lightweight_ssd.ops.boxes import EPSILON, xyxy_to_cxcywh
from lightweight_ssd.ops.precision import at_least_float32

__all__ = ["CellCoder"]

_EDGE = 1e-4  # of a cell: a place nearer to its edge would need an endless offset


class CellCoder:
    """Offsets (t_x, t_y, t_w, t_h) of a box (cx, cy, w, h) against an anchor (a_w, a_h) at the center of a cell.

        cx = x + σ(t_x) · c_w        w = a_w · exp(t_w)
        cy = y + σ(t_y) · c_h        h = a_h · exp(t_h)

    with (x, y) the upper left corner of the cell and (c_w, c_h) its size. A center therefore never leaves its cell, and
    a side is at most 62.5 times the anchor's.

    Example:
        >>> anchor, cell = torch.tensor([0.0, 0.0, 40.0, 20.0]), torch.tensor([8.0, 8.0])
        >>> coder = CellCoder()
        >>> coder.decode(torch.zeros(4), anchor, cell)
        tensor([ 0.,  0., 40., 20.])
        >>> coder.encode(torch.tensor([2.0, 0.0, 42.0, 20.0]), anchor, cell)
        tensor([1.0986, 0.0000, 0.0000, 0.0000])

    Source: Redmon and Farhadi, YOLO9000 (2017), section 2, "Direct location prediction". Deviations: a place on the
    edge of a cell counts as a ten-thousandth of the cell inside, and the sides are bounded as in `ops.box_coding`.
    """

    def encode(
        self,
        boxes: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """Offsets that turn `anchors` into `boxes`; finite on the edges of a cell and for boxes without area."""
        cells = _expected(cells)
        box, anchor = (xyxy_to_cxcywh(at_least_float32(each)) for each in (boxes, anchors))
        place = (box[..., :2] - anchor[..., :2]) / cells + 0.5
        sides = box[..., 2:].clamp(min=EPSILON) / anchor[..., 2:].clamp(min=EPSILON)
        return torch.cat([*torch.broadcast_tensors(place.logit(_EDGE), sides.log())], dim=-1)

    def decode(
        self,
        offsets: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """Boxes xyxy in pixels, in at least float32."""
        anchor = xyxy_to_cxcywh(at_least_float32(anchors))
        sizes, sides = torch.broadcast_tensors(anchor[..., 2:], _expected(cells))
        return _decoded(at_least_float32(offsets), anchor[..., :2] - sides / 2, sides, sizes)

    def decoder(self, anchors: Float[Tensor, "A 4"], cells: Float[Tensor, "A 2"] | None = None) -> nn.Module:
        """`decode` for these anchors alone, as a module of plain operations."""
        return _FixedDecoder(anchors, _expected(cells))


class _FixedDecoder(nn.Module):
    """As `CellCoder.decode`, with what is known of the anchors computed once."""

    corners: Tensor
    cells: Tensor
    sizes: Tensor

    def __init__(self, anchors: Float[Tensor, "A 4"], cells: Float[Tensor, "A 2"]) -> None:
        super().__init__()
        anchor = xyxy_to_cxcywh(anchors)
        self.register_buffer("corners", anchor[..., :2] - cells / 2, persistent=False)
        self.register_buffer("cells", cells.detach().clone(), persistent=False)
        self.register_buffer("sizes", anchor[..., 2:].clone(), persistent=False)

    def forward(self, offsets: Float[Tensor, "B A 4"]) -> Float[Tensor, "B A 4"]:
        """Boxes, xyxy in pixels."""
        return _decoded(offsets, self.corners, self.cells, self.sizes)


def _decoded(offsets: Tensor, corners: Tensor, cells: Tensor, sizes: Tensor) -> Tensor:
    """Boxes from the upper left corners of the cells, their sizes, and the sizes of the anchors."""
    centers = corners + offsets[..., :2].sigmoid() * cells
    halves = sizes * offsets[..., 2:].clamp(max=MAX_LOG_SIZE).exp() / 2
    return torch.cat([centers - halves, centers + halves], dim=-1)


def _expected(cells: Tensor | None) -> Tensor:
    if cells is None:
        raise ValueError("Expected anchors with the sizes of their cells for CellCoder but got none.")
    return at_least_float32(cells)
