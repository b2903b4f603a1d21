"""YOLO's localization loss: the place in the cell by its sigmoid, the sides by their logarithms."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision

__all__ = ["YOLOLoss"]


class YOLOLoss(nn.Module):
    """Error of the offsets of `coding.cell`, summed over the four.

        center = cross_entropy:  Σ_{x,y} BCE(σ(t), σ(t̂))    + ½ Σ_{w,h} (t − t̂)²
        center = squared:        Σ_{x,y} ½ (σ(t) − σ(t̂))²  + ½ Σ_{w,h} (t − t̂)²

    with t the predicted and t̂ the encoded offsets; σ(t̂) is the place of the object's center in its cell, 0 to 1. The
    cross-entropy of a place that is neither 0 nor 1 is not 0 at its least.

    Args:
        center: `cross_entropy` as in YOLOv3, or `squared` as in YOLOv2.

    Raises:
        ValueError: `center` is neither.

    Source: the gradients of the authors' code, which are those of these terms: `region_layer.c` for YOLOv2 and
    `yolo_layer.c` for YOLOv3 of Darknet. The papers speak of a sum of squared errors.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "offsets"

    def __init__(self, center: str = "cross_entropy") -> None:
        super().__init__()
        if center not in ("cross_entropy", "squared"):
            raise ValueError(f"Expected center to be 'cross_entropy' or 'squared', but got {center!r}.")
        self.center = center

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of encoded offsets."""
        place = target[..., :2].sigmoid()
        if self.center == "squared":
            center = (pred[..., :2].sigmoid() - place).square() / 2
        else:
            center = functional.binary_cross_entropy_with_logits(pred[..., :2], place, reduction="none")
        sides = (pred[..., 2:] - target[..., 2:]).square() / 2
        return center.sum(dim=-1) + sides.sum(dim=-1)
