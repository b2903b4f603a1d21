"""FPN: coarse levels, rich in semantics, are added to fine ones, which are precise in position."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.pyramid import enlarge

__all__ = ["FPN"]


class FPN(nn.Module):
    """Feature pyramid network with separable output convolutions.

    With `in_l` a 1×1 convolution and normalization of level l, for the levels from coarse to fine:

        mid_7 = in_7;  mid_l = in_l + nearest(mid_{l+1});  out_l = Conv(mid_l)

    where `Conv` is a depthwise 3×3 and a 1×1 convolution, each normalized and rectified.

    Attributes:
        out_channels: Channels of each level, all equal to the width.

    Source: section 3.3 and figure 5(a). The paper prints no width; 192 gives the parameters of table 3.
    """

    def __init__(
        self, in_channels: Sequence[int], width: int = 192, norm_momentum: float = 0.03, norm_eps: float = 1e-3
    ) -> None:
        """Build one lateral and one output convolution per level.

        Args:
            in_channels: Channels of each level of the backbone, finest first.
            width: Channels of every level of the neck.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.
        """
        super().__init__()
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)
        self.lateral = nn.ModuleList(conv(channels, width, relu=False) for channels in in_channels)
        self.output = nn.ModuleList(
            nn.Sequential(conv(width, width, 3, groups=width), conv(width, width)) for _ in in_channels
        )
        self.out_channels: tuple[int, ...] = (width,) * len(in_channels)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels from coarse to fine.

        Args:
            maps: One map per level, finest first.

        Returns:
            One map per level, of the same sizes.
        """
        mid = [lateral(level) for lateral, level in zip(self.lateral, maps, strict=True)]
        for level in reversed(range(len(mid) - 1)):
            mid[level] = mid[level] + enlarge(mid[level + 1], mid[level])
        return [output(level) for output, level in zip(self.output, mid, strict=True)]
