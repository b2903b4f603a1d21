"""PeleeNet, a light dense network, with extra layers: the backbone of Pelee."""

from functools import partial
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm
from lightweight_ssd.layers.width import scaled

__all__ = ["DenseLayer", "PeleeNet", "Stem"]

_STAGES: Final = ((3, 16), (4, 32), (8, 64), (6, 64))  # dense layers, and channels inside each of their ways
_STEM, _WAY = 32, 16  # channels of the stem, and of what a way of a dense layer adds
_EXTRA: Final = ((256, 256, 2), (128, 256, 1), (128, 256, 1))  # reduction, channels, stride; stride 1 is not padded


class PeleeNet(nn.Module):
    """Five levels: the third and the fourth stage, of strides 16 and 32, and three extra layers.

    A stage is a number of dense layers, then a 1×1 convolution that keeps the channels; average pooling halves the size
    between stages. Convolutions are normalized and rectified in this order; the extra layers have no normalization. At
    304 pixels the maps have 19, 10, 5, 3 and 1 cells a side.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level; the last two levels lose two cells a side instead.
        min_size: Shortest side of an image for which every level has a cell, pixels.
        norm_eps: What its batch normalizations add to the variance.

    Source: Wang et al., "Pelee", 2018, sections 2 and 3, and the sizes of its code. Every halving rounds up, the stem's
    pooling too, so that the two branches of the stem agree at any size.
    """

    def __init__(self, width: float = 1.0, norm_momentum: float = 0.03, norm_eps: float = 1e-3) -> None:
        """Build the network.

        Args:
            width: Factor on the channels of every layer, above 0.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For a width that is not positive.
        """
        super().__init__()
        if width <= 0:
            raise ValueError(f"Expected backbone.width above 0 but got {width}.")
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)
        self.stem = Stem(scaled(_STEM, width), conv)
        channels, stages, taps = scaled(_STEM, width), [], []
        for layers, hidden in _STAGES:
            stages.append(_stage(channels, layers, scaled(hidden, width), scaled(_WAY, width), conv))
            channels += layers * 2 * scaled(_WAY, width)
            taps.append(channels)
        self.stages = nn.ModuleList(stages)
        # A window that reaches over the edge is the mean of what lies inside; exporters need to be told.
        self.halve = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
        tops = [scaled(top, width) for _, top, _ in _EXTRA]
        self.extra = nn.ModuleList(
            _extra(before, scaled(reduction, width), after, stride)
            for (reduction, _, stride), before, after in zip(_EXTRA, [channels, *tops], tops, strict=False)
        )
        self.out_channels: tuple[int, ...] = (*taps[2:], *tops)
        self.strides: tuple[int, ...] = (16, 32, 64, 64, 64)
        self.min_size, self.norm_eps = 257, norm_eps

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first.
        """
        x, maps = self.stem(images), []
        for stage in self.stages:
            x = stage(self.halve(x) if maps else x)
            maps.append(x)
        for layer in self.extra:
            maps.append(layer(maps[-1]))
        return maps[2:]


class Stem(nn.Module):
    """A quarter of the size, by a strided convolution and max pooling side by side."""

    def __init__(self, channels: int, conv: Any) -> None:
        """Build the four convolutions.

        Args:
            channels: Of the output.
            conv: Makes a normalized and rectified convolution; see `conv_norm`.
        """
        super().__init__()
        half = max(1, channels // 2)
        self.first = conv(3, channels, 3, 2)
        self.branch = nn.Sequential(*conv(channels, half), *conv(half, channels, 3, 2))
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.last = conv(2 * channels, channels)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B _ _ _"]:
        """Compute the map of ceil(H / 4) × ceil(W / 4) cells."""
        x = self.first(images)
        return self.last(torch.cat([self.branch(x), self.pool(x)], dim=1))


class DenseLayer(nn.Module):
    """Adds the outputs of two ways, of one and of two 3×3 convolutions, to the channels of its input.

    Source: "Pelee", section 2, two-way dense layer.
    """

    def __init__(self, in_channels: int, hidden: int, growth: int, conv: Any) -> None:
        """Build both ways.

        Args:
            in_channels: Channels of the input.
            hidden: Of the 1×1 convolution that begins each way.
            growth: Channels that each way adds.
            conv: Makes a normalized and rectified convolution; see `conv_norm`.
        """
        super().__init__()
        self.short = nn.Sequential(*conv(in_channels, hidden), *conv(hidden, growth, 3))
        self.long = nn.Sequential(*conv(in_channels, hidden), *conv(hidden, growth, 3), *conv(growth, growth, 3))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Compute the map of C + 2 · growth channels."""
        return torch.cat([x, self.short(x), self.long(x)], dim=1)


def _stage(in_channels: int, layers: int, hidden: int, growth: int, conv: Any) -> nn.Sequential:
    dense = [DenseLayer(in_channels + 2 * growth * place, hidden, growth, conv) for place in range(layers)]
    channels = in_channels + 2 * growth * layers
    return nn.Sequential(*dense, conv(channels, channels))


def _extra(in_channels: int, reduction: int, channels: int, stride: int) -> nn.Sequential:
    """One coarser level, without normalization: halved at stride 2, two cells less a side at stride 1."""
    reduce = nn.Conv2d(in_channels, reduction, 1)
    coarsen = nn.Conv2d(reduction, channels, 3, stride, padding=stride - 1)
    for layer in (reduce, coarsen):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
    return nn.Sequential(reduce, nn.ReLU(inplace=True), coarsen, nn.ReLU(inplace=True))
