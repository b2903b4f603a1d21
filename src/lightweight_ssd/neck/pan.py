"""PAN: a feature pyramid whose fused levels are passed up once more, so that coarse levels get precise positions."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.pyramid import check_halving, enlarge

__all__ = ["PAN"]


class PAN(nn.Module):
    """Path aggregation network with separable convolutions.

    With `in_l` a 1×1 convolution and normalization of level l, first from coarse to fine as in FPN, then back:

        mid_7 = in_7;  mid_l = in_l + nearest(mid_{l+1});  fused_l = Conv(mid_l)
        out_3 = fused_3;  out_l = Conv(fused_l + Down(out_{l-1}))

    where `Conv` is a depthwise 3×3 and a 1×1 convolution, each normalized and rectified, and `Down` the same with
    stride 2.

    Attributes:
        out_channels: Channels of each level, all equal to the width.

    Source: Liu et al., "Path aggregation network for instance segmentation", 2018, section 3.1. Deviation: the 3×3
    convolutions are separable, as everywhere in this detector; there they are plain.
    """

    def __init__(
        self, in_channels: Sequence[int], width: int = 192, norm_momentum: float = 0.03, norm_eps: float = 1e-3
    ) -> None:
        """Build the lateral convolutions, those of the top-down path and those of the bottom-up path.

        Args:
            in_channels: Channels of each level of the backbone, finest first; two levels or more.
            width: Channels of every level of the neck.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For fewer than two levels.
        """
        super().__init__()
        if len(in_channels) < 2:
            raise ValueError(f"Expected two or more levels for PAN to fuse but got {len(in_channels)}; use neck=none.")
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)

        def separable(stride: int = 1) -> nn.Sequential:
            return nn.Sequential(conv(width, width, 3, stride, groups=width), conv(width, width))

        edges = range(len(in_channels) - 1)
        self.lateral = nn.ModuleList(conv(channels, width, relu=False) for channels in in_channels)
        self.fuse = nn.ModuleList(separable() for _ in in_channels)
        self.down = nn.ModuleList(separable(stride=2) for _ in edges)
        self.output = nn.ModuleList(separable() for _ in edges)
        self.out_channels: tuple[int, ...] = (width,) * len(in_channels)

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels from coarse to fine, then from fine to coarse.

        Args:
            maps: One map per level, finest first, each half the size of the one before, rounded up.

        Returns:
            One map per level, of the same sizes.

        Raises:
            ValueError: If the sizes do not halve.
        """
        check_halving(maps, "PAN")
        mid = [lateral(level) for lateral, level in zip(self.lateral, maps, strict=True)]
        for level in reversed(range(len(mid) - 1)):
            mid[level] = mid[level] + enlarge(mid[level + 1], mid[level])
        fused = [fuse(level) for fuse, level in zip(self.fuse, mid, strict=True)]
        outputs = fused[:1]
        for down, output, level in zip(self.down, self.output, fused[1:], strict=True):
            outputs.append(output(level + down(outputs[-1])))
        return outputs
