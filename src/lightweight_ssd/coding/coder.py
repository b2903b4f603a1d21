"""What a way of coding boxes has, for the parts that are given one."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Coder"]


@runtime_checkable
class Coder(Protocol):
    """Boxes to offsets against anchors, and back; a detector and its criterion have the same one.

    `cells` are the sizes of the anchors' cells, (width, height) in pixels; None for coders that do not count in cells.
    """

    def encode(
        self,
        boxes: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """What the network should predict at `anchors` for `boxes`, both xyxy in pixels; finite, at least float32."""
        ...

    def decode(
        self,
        offsets: Float[Tensor, "*#batch 4"],
        anchors: Float[Tensor, "*#batch 4"],
        cells: Float[Tensor, "*#batch 2"] | None = None,
    ) -> Float[Tensor, "... 4"]:
        """Boxes, xyxy in pixels and at least float32, of what was predicted; the inverse of `encode`."""
        ...

    def decoder(self, anchors: Float[Tensor, "A 4"], cells: Float[Tensor, "A 2"] | None = None) -> nn.Module:
        """`decode` for anchors that never change, from offsets (B, A, 4) alone: what is known of them is computed once.

        Plain operations on constants, which every exporter takes.
        """
        ...
