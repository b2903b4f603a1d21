"""CEM: ThunderNet's neck, which brings several levels and the whole image together in one map."""

import math
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.pyramid import enlarge

__all__ = ["CEM"]


class CEM(nn.Module):
    """Context enhancement module: one map of the size of the finest level.

        out = Conv_1(in_1) + Σ_{l > 1} nearest(Conv_l(in_l)) + Conv_g(mean(in_n))

    with 1×1 convolutions with bias; the mean is that of the coarsest level over the whole image.

    Attributes:
        out_channels: Channels of the one level.

    Source: Qin et al., "ThunderNet", 2019, section 3.2, there of two levels; here of as many as the backbone has.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 245) -> None:
        """Build a convolution per level and one for the whole image.

        Args:
            in_channels: Channels of each level of the backbone, finest first.
            channels: Channels of the result; of the 7×7 cells of position-sensitive pooling each has 5 of the 245.
        """
        super().__init__()
        self.levels = nn.ModuleList(_projection(each, channels) for each in in_channels)
        self.context = _projection(in_channels[-1], channels)
        self.out_channels: tuple[int, ...] = (channels,)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Sum up the levels.

        Args:
            maps: One map per level, finest first.

        Returns:
            One map, of the size of the first.
        """
        finest, *coarser = [level(x) for level, x in zip(self.levels, maps, strict=True)]
        for each in coarser:
            finest = finest + enlarge(each, finest)
        return [finest + self.context(maps[-1].mean(dim=(2, 3), keepdim=True))]


def _projection(in_channels: int, channels: int) -> nn.Conv2d:
    """A 1×1 convolution that keeps the variance of what it sees."""
    conv = nn.Conv2d(in_channels, channels, 1)
    nn.init.normal_(conv.weight, std=math.sqrt(1 / in_channels))
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
