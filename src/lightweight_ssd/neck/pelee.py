"""Pelee's neck: a residual prediction block on every level, without a way between levels."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.conv import conv_norm

__all__ = ["ResidualBlock", "ResidualPrediction"]


class ResidualPrediction(nn.Module):
    """A residual prediction block per level; the finest level is returned several times.

    Pelee has no map of stride 8. In its place the map of stride 16 is predicted from twice, for small and for larger
    anchors, by predictors of their own.

    Attributes:
        out_channels: Channels of each level that is returned, all equal to the width.

    Source: Wang et al., "Pelee", 2018, section 3, and the sizes of its code.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        width: int = 256,
        finest_uses: int = 2,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-3,
    ) -> None:
        """Build one block per level.

        Args:
            in_channels: Channels of each level of the backbone, finest first.
            width: Channels of every level of the neck, 2 or more.
            finest_uses: How often the finest level is returned, 1 or more.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For a width or a number of uses that is too small.
        """
        super().__init__()
        if width < 2 or finest_uses < 1:
            raise ValueError(
                f"Expected neck.width of at least 2 and neck.finest_uses of at least 1 but got {width} and "
                f"{finest_uses}."
            )
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)
        self.blocks = nn.ModuleList(ResidualBlock(channels, width, conv) for channels in in_channels)
        self.finest_uses = finest_uses
        self.out_channels: tuple[int, ...] = (width,) * (finest_uses - 1 + len(in_channels))

    def forward(self, maps: list[Float[Tensor, "B _ _ _"]]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the block of each level.

        Args:
            maps: One map per level, finest first.

        Returns:
            One map per level, of the same sizes; the finest one `finest_uses` times.
        """
        finest, *others = (block(level) for block, level in zip(self.blocks, maps, strict=True))
        return [finest] * self.finest_uses + others


class ResidualBlock(nn.Module):
    """A 1×1 convolution of the input plus a bottleneck of it, then a rectifier; both summands are linear."""

    def __init__(self, in_channels: int, width: int, conv: Any) -> None:
        """Build the shortcut and the bottleneck of half the width.

        Args:
            in_channels: Channels of the input.
            width: Channels of the output.
            conv: Makes a normalized convolution; see `conv_norm`.
        """
        super().__init__()
        half = width // 2
        self.shortcut = conv(in_channels, width, relu=False)
        self.bottleneck = nn.Sequential(*conv(in_channels, half), *conv(half, half, 3), *conv(half, width, relu=False))

    def forward(self, x: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B _ H W"]:
        """Compute the map of the same size."""
        return F.relu(self.shortcut(x) + self.bottleneck(x))
