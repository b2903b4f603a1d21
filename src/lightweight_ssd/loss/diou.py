"""Distance IoU loss: overlap, and how far apart the centers are."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.boxes import EPSILON, elementwise_iou, enclosing_box, squared_diagonal, xyxy_to_cxcywh
from lightweight_ssd.ops.precision import full_precision

__all__ = ["DIoU"]


class DIoU(nn.Module):
    """Distance IoU loss of two boxes a and b.

        1 − IoU + ρ²(a, b) / c²

    with ρ the distance between the centers, and c the diagonal of the smallest box around both. Range 0 to 2.

    Source: Equation (6).
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "boxes"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of boxes, xyxy in pixels."""
        difference = xyxy_to_cxcywh(pred) - xyxy_to_cxcywh(target)
        distance = difference[..., :2].square().sum(dim=-1)
        diagonal = squared_diagonal(enclosing_box(pred, target)).clamp(min=EPSILON)
        return 1 - elementwise_iou(pred, target) + distance / diagonal
