"""Squared error on encoded offsets."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.precision import full_precision

__all__ = ["L2"]


class L2(nn.Module):
    """Squared error, summed over the four coordinates.

        Σ_i (pred_i − target_i)²

    Source: Section 3.4.1 names it beside smooth L1. The sum is neither halved nor divided by 4.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "offsets"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of encoded offsets."""
        return (pred - target).square().sum(dim=-1)
