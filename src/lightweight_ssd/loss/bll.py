"""BLL (Both Localization Loss): overlap and coordinate error in one term, without the aspect formula of CIoU."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.boxes import EPSILON, elementwise_iou, enclosing_box, squared_diagonal, xyxy_to_cxcywh
from lightweight_ssd.ops.precision import full_precision

__all__ = ["BLL"]


class BLL(nn.Module):
    """Both Localization Loss: IoU loss plus the coordinate error relative to the box around both.

        1 − IoU + L2 / c²,    L2 = Σ (pred − target)² over (cx, cy, w, h)

    with c the diagonal of the smallest box around both. Invariant to scale: pixels cancel.

    Args:
        distance: "l2" as in the equation, or "smooth_l1" in its place: smooth L1 of the four differences divided by c.
        beta: Where smooth L1 turns linear, as a fraction of c, above 0; unused by "l2". No difference exceeds c, so at
            1 and above it would be L2 / (2β) everywhere.

    Raises:
        ValueError: `distance` is unknown or `beta` is not above 0.

    Source: Equation (8). L2 is not spelled out in the paper; (cx, cy, w, h) are the coordinates that its text speaks
    of (center distance and aspect ratio). Deviation: for smooth L1, which the text allows, the differences are divided
    by c one by one, since a smooth L1 of pixels over c² would depend on scale; β is our choice.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "boxes"

    def __init__(self, distance: str = "l2", beta: float = 0.1) -> None:
        super().__init__()
        if distance not in ("l2", "smooth_l1"):
            raise ValueError(f"Expected distance to be 'l2' or 'smooth_l1', but got {distance!r}.")
        if beta <= 0:
            raise ValueError(f"Expected beta to be above 0, but got {beta}.")
        self.distance = distance
        self.beta = beta

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of boxes, xyxy in pixels."""
        return 1 - elementwise_iou(pred, target) + self._relative_distance(pred, target)

    def _relative_distance(
        self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]
    ) -> Float[Tensor, "*batch"]:
        """The second summand: how far the coordinates are apart, relative to the diagonal."""
        difference = xyxy_to_cxcywh(pred) - xyxy_to_cxcywh(target)
        diagonal = squared_diagonal(enclosing_box(pred, target)).clamp(min=EPSILON)
        if self.distance == "l2":
            return difference.square().sum(dim=-1) / diagonal
        relative = difference / diagonal.sqrt()[..., None]
        zeros = torch.zeros_like(relative)
        return functional.smooth_l1_loss(relative, zeros, reduction="none", beta=self.beta).sum(dim=-1)
