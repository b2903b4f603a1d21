"""SSD's coding: centers and logarithms of the sides relative to the anchor, each divided by a variance."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.box_coding import MAX_LOG_SIZE, decode, encode
from lightweight_ssd.ops.boxes import xyxy_to_cxcywh

__all__ = ["VarianceCoder"]


class VarianceCoder:
    """The formula of `ops.box_coding`; cells do not matter to it.

    Args:
        variances: Of the offsets, for (cx, cy, w, h); above 0.

    Raises:
        ValueError: There are not four variances above 0.

    Example:
        >>> anchor = torch.tensor([0.0, 0.0, 10.0, 20.0])
        >>> coder = VarianceCoder()
        >>> coder.encode(anchor + 1, anchor)
        tensor([1.0000, 0.5000, 0.0000, 0.0000])
        >>> coder.decode(torch.zeros(4), anchor)
        tensor([ 0.,  0., 10., 20.])

    Source: the framework that section 4's training settings quote, box coder 10/10/5/5.
    """

    def __init__(self, variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2)) -> None:
        if len(variances) != 4 or min(variances) <= 0:
            raise ValueError(f"Expected variances to be four numbers above 0 (cx, cy, w, h), but got {variances}.")
        self.variances = tuple(variances)

    def encode(
        self,
        boxes: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """See `ops.box_coding.encode`."""
        return encode(boxes, anchors, self.variances)

    def decode(
        self,
        offsets: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """See `ops.box_coding.decode`."""
        return decode(offsets, anchors, self.variances)

    def decoder(self, anchors: Float[Tensor, "A 4"], cells: Float[Tensor, "A 2"] | None = None) -> nn.Module:
        """`decode` for these anchors alone, as a module of plain operations."""
        return _FixedDecoder(anchors, self.variances)


class _FixedDecoder(nn.Module):
    """As `ops.box_coding.decode`, with what is known of the anchors computed once."""

    centers: Tensor
    sizes: Tensor
    scale: Tensor

    def __init__(self, anchors: Float[Tensor, "A 4"], variances: Sequence[float]) -> None:
        super().__init__()
        cx, cy, width, height = xyxy_to_cxcywh(anchors).unbind(-1)
        self.register_buffer("centers", torch.stack([cx, cy], dim=-1), persistent=False)
        self.register_buffer("sizes", torch.stack([width, height], dim=-1), persistent=False)
        self.register_buffer("scale", anchors.new_tensor(variances), persistent=False)

    def forward(self, offsets: Float[Tensor, "B A 4"]) -> Float[Tensor, "B A 4"]:
        """Boxes, xyxy in pixels."""
        scaled = offsets * self.scale
        centers = self.centers + scaled[..., :2] * self.sizes
        halves = self.sizes * scaled[..., 2:].clamp(max=MAX_LOG_SIZE).exp() / 2
        return torch.cat([centers - halves, centers + halves], dim=-1)
