"""BiFPN: levels are fused down and up again, several times, and every sum learns a weight for each of its inputs."""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.pyramid import check_halving, enlarge, shrink

__all__ = ["BiFPN", "Fusion"]

_EPS = 1e-4  # keeps the quotient of the weights finite; equation in section 3.3 of the source of BiFPN


class Fusion(nn.Module):
    """Weighted mean of maps of one size, then a separable convolution.

    With one learned weight per input, kept above zero by a rectifier:

        Conv(Σ max(w_i, 0) · x_i / (Σ max(w_i, 0) + 1e-4))
    """

    def __init__(self, inputs: int, width: int, norm_momentum: float, norm_eps: float) -> None:
        """Build the weights, which start equal, and the convolution.

        Args:
            inputs: Number of maps.
            width: Channels of each map and of the result.
            norm_momentum: Share of the newest batch in the running statistics, 0 to 1.
            norm_eps: Added to the variance.
        """
        super().__init__()
        conv = partial(conv_norm, width, width, momentum=norm_momentum, eps=norm_eps)
        self.weights = nn.Parameter(torch.ones(inputs))
        self.conv = nn.Sequential(conv(3, groups=width), conv())

    def forward(self, maps: list[Float[Tensor, "B C H W"]]) -> Float[Tensor, "B C H W"]:
        """Fuse maps of one size; the result has the same shape as each of them."""
        weights = F.relu(self.weights)
        shares = (weights / (weights.sum() + _EPS)).unbind()
        weighted = [share * level for share, level in zip(shares, maps, strict=True)]
        return self.conv(torch.stack(weighted).sum(dim=0))


class BiFPN(nn.Module):
    """Weighted bidirectional feature pyramid network.

    With `x_l` a 1×1 convolution and normalization of level l, every repeat computes

        mid_7 = x_7;  mid_l = Fusion(x_l, nearest(mid_{l+1}))                       l = 6 … 3
        out_3 = mid_3;  out_l = Fusion(x_l, mid_l, pool(out_{l-1}))                 l = 4 … 6
        out_7 = Fusion(x_7, pool(out_6))

    and passes `out` to the next one as `x`. `pool` is max pooling 3×3 of stride 2. Repeats share no weights.

    Attributes:
        out_channels: Channels of each level, all equal to the width.

    Source: Tan, Pang and Le, "EfficientDet", 2020, sections 3.2 and 3.3 (fast normalized fusion). Deviations: the
    separable convolution is that of this project's FPN, normalized and rectified after the depthwise part and after
    the pointwise part, where EfficientDet has swish before them; and one lateral convolution serves both sums of a
    level in the first repeat.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        width: int = 192,
        repeats: int = 2,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-3,
    ) -> None:
        """Build the lateral convolutions and the sums of every repeat.

        Args:
            in_channels: Channels of each level of the backbone, finest first; two levels or more.
            width: Channels of every level of the neck.
            repeats: Times that the levels are fused down and up, 1 or more.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For fewer than one repeat or two levels.
        """
        super().__init__()
        levels = len(in_channels)
        if repeats < 1:
            raise ValueError(f"Expected repeats of BiFPN to be 1 or more but got {repeats}.")
        if levels < 2:
            raise ValueError(f"Expected two or more levels for BiFPN to fuse but got {levels}; use neck=none.")
        lateral = partial(conv_norm, relu=False, momentum=norm_momentum, eps=norm_eps)
        self.lateral = nn.ModuleList(lateral(channels, width) for channels in in_channels)
        self.repeats = nn.ModuleList(_Repeat(levels, width, norm_momentum, norm_eps) for _ in range(repeats))
        self.out_channels: tuple[int, ...] = (width,) * levels

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels, repeat by repeat.

        Args:
            maps: One map per level, finest first, each half the size of the one before, rounded up.

        Returns:
            One map per level, of the same sizes.

        Raises:
            ValueError: If the sizes do not halve.
        """
        check_halving(maps, "BiFPN")
        fused = [lateral(level) for lateral, level in zip(self.lateral, maps, strict=True)]
        for repeat in self.repeats:
            fused = repeat(fused)
        return fused


class _Repeat(nn.Module):
    """One pass down the levels and one up."""

    def __init__(self, levels: int, width: int, norm_momentum: float, norm_eps: float) -> None:
        """Build the sums: `down[l]` makes mid_l, `up[l]` makes the output of level l + 1; the last has no mid."""
        super().__init__()
        fusion = partial(Fusion, width=width, norm_momentum=norm_momentum, norm_eps=norm_eps)
        self.down = nn.ModuleList(fusion(2) for _ in range(levels - 1))
        self.up = nn.ModuleList(fusion(inputs) for inputs in [*[3] * (levels - 2), 2])

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Fuse the levels; the sizes stay."""
        mid, top = list(maps), len(maps) - 1
        for level in reversed(range(top)):
            mid[level] = self.down[level]([maps[level], enlarge(mid[level + 1], maps[level])])
        outputs = mid[:1]
        for level in range(1, top + 1):
            own = [maps[level]] if level == top else [maps[level], mid[level]]
            outputs.append(self.up[level - 1]([*own, shrink(outputs[-1])]))
        return outputs
