"""Smooth L1 loss on encoded offsets: quadratic near zero, linear beyond, so that far boxes do not dominate."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision

__all__ = ["SmoothL1"]


class SmoothL1(nn.Module):
    """Smooth L1 loss, summed over the four coordinates.

        Σ_i  d_i² / (2β)  if |d_i| < β  else  |d_i| − β / 2,    d = pred − target

    Args:
        beta: Where quadratic turns linear, in units of encoded offsets, at least 0; at 0 it is L1.

    Raises:
        ValueError: `beta` is negative.

    Source: Section 3.4.1, the loss that SSD uses. β = 1 is the framework's that section 4's settings quote. Its sum
    over the coordinates is not divided by 4.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "offsets"

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        if beta < 0:
            raise ValueError(f"Expected beta to be at least 0, but got {beta}.")
        self.beta = beta

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of encoded offsets."""
        return functional.smooth_l1_loss(pred, target, reduction="none", beta=self.beta).sum(dim=-1)
