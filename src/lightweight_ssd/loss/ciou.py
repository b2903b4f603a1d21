"""Complete IoU loss: overlap, distance of the centers, and difference of the aspect ratios."""

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.boxes import EPSILON, elementwise_iou, enclosing_box, squared_diagonal, xyxy_to_cxcywh
from lightweight_ssd.ops.precision import full_precision

__all__ = ["CIoU"]


class CIoU(nn.Module):
    """Complete IoU loss of two boxes a and b.

        1 − IoU + ρ²(a, b) / c² + α v
        v = 4 / π² · (atan(w_b / h_b) − atan(w_a / h_a))²,    α = v / ((1 − IoU) + v)

    with ρ the distance between the centers, and c the diagonal of the smallest box around both. α is a
    constant for the gradient.

    Source: Equation (7). v is not printed; it is that of Zheng et al., 2020, as is the constant α.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "boxes"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of boxes, xyxy in pixels."""
        difference = xyxy_to_cxcywh(pred) - xyxy_to_cxcywh(target)
        distance = difference[..., :2].square().sum(dim=-1)
        diagonal = squared_diagonal(enclosing_box(pred, target)).clamp(min=EPSILON)
        overlap_loss = 1 - elementwise_iou(pred, target)
        aspect = 4 / math.pi**2 * (_aspect_angle(target) - _aspect_angle(pred)).square()
        with torch.no_grad():
            alpha = aspect / (overlap_loss + aspect).clamp(min=EPSILON)
        return overlap_loss + distance / diagonal + alpha * aspect


def _aspect_angle(boxes: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """atan(w / h), 0 to π/2. Both sides at least `EPSILON`: at 0 / 0 the angle has no gradient."""
    width, height = (boxes[..., 2:] - boxes[..., :2]).clamp(min=EPSILON).unbind(-1)
    return torch.atan(width / height)
