"""SNet, ThunderNet's backbone: ShuffleNetV2 with 5×5 depthwise convolutions."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.conv import conv_norm

__all__ = ["SNet"]


class SNet(nn.Module):
    """A stem, three stages of shuffled units, and a last 1×1 convolution; two levels, of strides 16 and 32.

    SNet49 has the channels 24, 60, 120, 240 and 512; SNet146 has 24, 132, 264, 528 and no last convolution, SNet535
    48, 248, 496, 992 and none.

    Attributes:
        out_channels: Channels of the two levels: of the second stage, and of what comes last.
        strides: Pixels of the image per cell of each level.

    Source: Qin et al., "ThunderNet", 2019, section 3.1 and table 1; the units are those of ShuffleNetV2 (Ma et al.,
    2018, figure 3). The number of channels of SNet49 gives the 49 million multiply-adds of its name at 224 pixels.
    """

    def __init__(
        self,
        channels: Sequence[int] = (24, 60, 120, 240),
        repeats: Sequence[int] = (4, 8, 4),
        last_channels: int | None = 512,
        width: float = 1.0,
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-3,
    ) -> None:
        """Build the network.

        Args:
            channels: Channels of the stem and of the three stages, each at least twice those before it.
            repeats: Units of each stage.
            last_channels: Channels of the 1×1 convolution after the last stage; None = there is none.
            width: Factor on all channels.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For other than four channels and three repeats, or a stage with no more channels than the one
                before it.
        """
        super().__init__()
        stem, *stages = (_scaled(each, width) for each in channels)
        if len(stages) != 3 or len(repeats) != 3 or min(repeats) < 1 or _shrinks([stem, *stages]):
            raise ValueError(
                f"Expected backbone.channels as four rising numbers and repeats as three but got {list(channels)} "
                f"(times {width}) and {list(repeats)}."
            )
        self.stem = nn.Sequential(
            conv_norm(3, stem, 3, 2, momentum=norm_momentum, eps=norm_eps), nn.MaxPool2d(3, 2, padding=1)
        )
        before = [stem, *stages[:2]]
        self.stages = nn.ModuleList(
            _stage(*shape, norm_momentum, norm_eps) for shape in zip(before, stages, repeats, strict=True)
        )
        last = stages[-1] if last_channels is None else _scaled(last_channels, width)
        self.last = nn.Identity()
        if last_channels is not None:
            self.last = conv_norm(stages[-1], last, momentum=norm_momentum, eps=norm_eps)
        self.out_channels: tuple[int, ...] = (stages[1], last)
        self.strides: tuple[int, ...] = (16, 32)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            Two maps, of ceil(H / stride) × ceil(W / stride) cells.
        """
        first, second, third = self.stages
        fine = second(first(self.stem(images)))
        return [fine, self.last(third(fine))]


class _Halving(nn.Module):
    """The first unit of a stage: a short and a long way over the whole input, both of stride 2."""

    def __init__(self, in_channels: int, out_channels: int, momentum: float, eps: float) -> None:
        super().__init__()
        self.short = nn.Sequential(
            conv_norm(in_channels, in_channels, 5, 2, groups=in_channels, relu=False, momentum=momentum, eps=eps),
            conv_norm(in_channels, in_channels, momentum=momentum, eps=eps),
        )
        self.long = _way(in_channels, out_channels // 2, out_channels - in_channels, 2, momentum, eps)

    def forward(self, x: Float[Tensor, "B _ _ _"]) -> Float[Tensor, "B _ _ _"]:
        return F.channel_shuffle(torch.cat([self.short(x), self.long(x)], dim=1), 2)


class _Unit(nn.Module):
    """Every further unit: one half of the channels passes, the other goes the long way."""

    def __init__(self, channels: int, momentum: float, eps: float) -> None:
        super().__init__()
        self.long = _way(channels // 2, channels // 2, channels // 2, 1, momentum, eps)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        passed, taken = x.chunk(2, dim=1)
        return F.channel_shuffle(torch.cat([passed, self.long(taken)], dim=1), 2)


def _stage(in_channels: int, out_channels: int, units: int, momentum: float, eps: float) -> nn.Sequential:
    further = (_Unit(out_channels, momentum, eps) for _ in range(units - 1))
    return nn.Sequential(_Halving(in_channels, out_channels, momentum, eps), *further)


def _way(in_channels: int, channels: int, out_channels: int, stride: int, momentum: float, eps: float) -> nn.Sequential:
    """1×1, depthwise 5×5, 1×1; no rectifier after the depthwise one."""
    return nn.Sequential(
        conv_norm(in_channels, channels, momentum=momentum, eps=eps),
        conv_norm(channels, channels, 5, stride, groups=channels, relu=False, momentum=momentum, eps=eps),
        conv_norm(channels, out_channels, momentum=momentum, eps=eps),
    )


def _scaled(channels: int, width: float) -> int:
    """An even number of channels, 2 at least."""
    return max(2, 2 * round(channels * width / 2))


def _shrinks(channels: list[int]) -> bool:
    return any(after <= before for before, after in pairwise(channels))
