"""Generalized IoU loss: disjoint boxes are drawn together by the empty part of the box around both."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.boxes import EPSILON, area, enclosing_box, intersection_and_union
from lightweight_ssd.ops.precision import full_precision

__all__ = ["GIoU"]


class GIoU(nn.Module):
    """Generalized IoU loss, with C the smallest box around both and U their union.

        1 − IoU + (|C| − |U|) / |C|

    Range 0 to 2. Boxes of zero area whose C has none either cost 1.

    Source: Rezatofighi et al., 2019, whom section 2 cites.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "boxes"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of boxes, xyxy in pixels."""
        intersection, union = intersection_and_union(pred, target)
        enclosing = area(enclosing_box(pred, target))
        empty = (enclosing - union) / enclosing.clamp(min=EPSILON)
        return 1 - intersection / union.clamp(min=EPSILON) + empty
