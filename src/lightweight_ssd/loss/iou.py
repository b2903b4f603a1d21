"""IoU loss: the overlap that evaluation measures; without gradient for disjoint boxes."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.boxes import elementwise_iou
from lightweight_ssd.ops.precision import full_precision

__all__ = ["IoU"]


class IoU(nn.Module):
    """IoU loss.

        1 − IoU

    Range 0 to 1; no gradient for disjoint boxes.

    Source: Section 3.4.1 (Yu et al., 2016). Deviation from that citation: it takes −ln IoU; 1 − IoU is the part that
    equations (6) to (8) share.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "boxes"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of boxes, xyxy in pixels."""
        return 1 - elementwise_iou(pred, target)
