"""L1 loss on encoded offsets: every deviation pulls alike, however small."""

from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.ops.precision import full_precision

__all__ = ["L1"]


class L1(nn.Module):
    """Absolute error, summed over the four encoded offsets.

        Σ_i |pred_i − target_i|

    Source: what ThunderNet's published configuration has in place of smooth L1.
    """

    space: ClassVar[Literal["boxes", "offsets"]] = "offsets"

    @full_precision
    def forward(self, pred: Float[Tensor, "*batch 4"], target: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
        """Loss of each pair of encoded offsets."""
        return (pred - target).abs().sum(dim=-1)
