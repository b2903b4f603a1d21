"""MBlitenet: a MobileNetV2 whose later blocks mix kernel sizes and have spatial attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import accumulate, pairwise
from math import prod
from operator import mul
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm, convolution
from lightweight_ssd.layers.mixed_depthwise import MixedDepthwise

__all__ = ["InvertedResidual", "MBlitenet", "MixedDepthwise", "Row", "SpatialAttention"]

# Table 1 and section 3.2.3: what each kind of block adds to MobileNetV2's; (mixed kernels, spatial attention).
_BLOCKS = {"bottleneck": (False, False), "mix": (True, False), "attentive": (True, True)}


@dataclass(frozen=True)
class Row:
    """One line of Table 2.

    Attributes:
        block: bottleneck, mix or attentive.
        expansion: The table's t, by which a block widens its input; 1 leaves the widening out.
        channels: The table's c, output channels.
        repeats: The table's n, blocks in the row.
        stride: The table's s, of the first block; 1 or 2.
        level: Whether the row's output is one of the maps that the backbone returns.
    """

    block: str
    expansion: int
    channels: int
    repeats: int
    stride: int
    level: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no block can be built from."""
        if self.block not in _BLOCKS:
            raise ValueError(f"Expected a row's block to be one of {', '.join(_BLOCKS)} but got {self.block!r}.")
        _check_stride(self.stride, "row")
        for name in ("expansion", "channels", "repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected a row's {name} to be 1 or more but got {getattr(self, name)}.")

    @classmethod
    def of(cls, row: "Mapping[str, Any] | Row") -> "Row":
        """Makes a row of a dictionary from a configuration.

        Raises:
            ValueError: For a key that is unknown or missing.
        """
        if isinstance(row, Row):
            return row
        known = {field.name for field in fields(cls)}
        missing = known - {"level"} - set(row)
        if missing or set(row) - known:
            raise ValueError(f"Expected a row with the keys {', '.join(sorted(known))} but got {dict(row)}.")
        return cls(**row)


class SpatialAttention(nn.Module):
    """Features weighted, cell by cell, by a sigmoid of a convolution of their mean and maximum over channels.

    Source: section 3.2.1. The paper's "matrix multiplication" is read as element by element, and the kernel,
    which it does not print, as 7×7.
    """

    def __init__(self, kernel_size: int) -> None:
        """Build the one convolution, from (mean, maximum) to the weight.

        Args:
            kernel_size: Side of its square kernel; odd.
        """
        super().__init__()
        self.weigh = convolution(2, 1, kernel_size)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Weight the features; the shape stays."""
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.weigh(summary))


class InvertedResidual(nn.Module):
    """One block: widen, convolve by channel, attend if attentive, project linearly; residual where the shape stays.

    Source: Table 1; without mixed kernels and attention it is the block of MobileNetV2.
    """

    def __init__(
        self,
        in_channels: int,
        row: Row,
        stride: int,
        mix_kernels: Sequence[int],
        attention_kernel: int,
        norm_momentum: float,
        norm_eps: float,
    ) -> None:
        """Build one block.

        Args:
            in_channels: Channels of the input.
            row: Line of the table that the block belongs to.
            stride: 1 or 2; the row's in its first block, 1 in the others.
            mix_kernels: Sides of the kernels of a mixed depthwise convolution, where the row has one.
            attention_kernel: Side of the kernel of the spatial attention, where the row has one.
            norm_momentum: Share of the newest batch in the running statistics, 0 to 1.
            norm_eps: Added to the variance.
        """
        super().__init__()
        mixed, attends = _BLOCKS[row.block]
        hidden = in_channels * row.expansion
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)
        layers: list[nn.Module] = [conv(in_channels, hidden)] if row.expansion != 1 else []
        if mixed:
            layers.append(MixedDepthwise(hidden, mix_kernels, stride))
            layers += [nn.BatchNorm2d(hidden, norm_eps, norm_momentum), nn.ReLU(inplace=True)]
        else:
            layers.append(conv(hidden, hidden, 3, stride, groups=hidden))
        if attends:
            layers.append(SpatialAttention(attention_kernel))
        layers.append(conv(hidden, row.channels, relu=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and in_channels == row.channels

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Run the block."""
        return x + self.layers(x) if self.residual else self.layers(x)


class MBlitenet(nn.Module):
    """The paper's backbone: images to one feature map per level, finest first.

    The levels are the rows marked `level`, the 1×1 convolution after the last row, and each extra layer.

    Attributes:
        out_channels: Channels of each level.
        strides: Pixels of the image per cell of each level.

    Source: Table 2, by its column of strides, which contradicts its column of inputs below the 64-channel row.
    """

    def __init__(
        self,
        stem: Sequence[Mapping[str, int]],
        rows: Sequence[Mapping[str, Any] | Row],
        last_channels: int = 1280,
        extra_channels: Sequence[int] = (128, 128),
        attention_kernel: int = 7,
        mix_kernels: Sequence[int] = (3, 5),
        norm_momentum: float = 0.03,
        norm_eps: float = 1e-3,
    ) -> None:
        """Build the network.

        Args:
            stem: 3×3 convolutions on the image, each `{channels, stride}`.
            rows: Lines of blocks, each with the attributes of `Row`.
            last_channels: Channels of the 1×1 convolution after the last row.
            extra_channels: Channels of each 3×3 convolution of stride 2 after that.
            attention_kernel: Side of the kernel of the spatial attention; odd.
            mix_kernels: Sides of the kernels of a mixed depthwise convolution; odd.
            norm_momentum: Share of the newest batch in the running statistics.
            norm_eps: Added to the variance.

        Raises:
            ValueError: For a stem or a row that cannot be built.
        """
        super().__init__()
        table = [Row.of(row) for row in rows]
        widths, steps = _stem(stem)
        conv = partial(conv_norm, momentum=norm_momentum, eps=norm_eps)
        settings = (mix_kernels, attention_kernel, norm_momentum, norm_eps)
        inputs = [widths[-1], *(row.channels for row in table)]
        tops = [last_channels, *extra_channels]
        self.stem = nn.Sequential(*(conv(a, b, 3, s) for (a, b), s in zip(pairwise([3, *widths]), steps, strict=True)))
        self.rows = nn.ModuleList(_stack(c, row, *settings) for c, row in zip(inputs, table, strict=False))
        self.last = conv(inputs[-1], last_channels)
        self.extra = nn.ModuleList(conv(a, b, 3, 2) for a, b in pairwise(tops))

        self._levels = tuple(row.level for row in table)
        strides = list(accumulate([row.stride for row in table], mul, initial=prod(steps)))
        levels = [(row.channels, stride) for row, stride in zip(table, strides[1:], strict=True) if row.level]
        levels += [(channels, strides[-1] * 2**i) for i, channels in enumerate(tops)]
        self.out_channels: tuple[int, ...] = tuple(channels for channels, _ in levels)
        self.strides: tuple[int, ...] = tuple(stride for _, stride in levels)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Compute the levels of normalized images.

        Returns:
            One map per level, finest first, of ceil(H / stride) × ceil(W / stride) cells.
        """
        x, maps = self.stem(images), []
        for row, level in zip(self.rows, self._levels, strict=True):
            x = row(x)
            if level:
                maps.append(x)
        for layer in [self.last, *self.extra]:
            x = layer(x)
            maps.append(x)
        return maps


def _stack(in_channels: int, row: Row, *settings: Any) -> nn.Sequential:
    """All blocks of a row; only the first takes the stride and changes the channels."""
    first = InvertedResidual(in_channels, row, row.stride, *settings)
    return nn.Sequential(first, *(InvertedResidual(row.channels, row, 1, *settings) for _ in range(row.repeats - 1)))


def _stem(stem: Sequence[Mapping[str, int]]) -> tuple[list[int], list[int]]:
    """Channels and strides of the stem's convolutions, checked."""
    if not stem or any(set(layer) != {"channels", "stride"} for layer in stem):
        raise ValueError(f"Expected the stem to be a list of {{channels, stride}} but got {list(stem)}.")
    for layer in stem:
        _check_stride(layer["stride"], "stem")
    return [layer["channels"] for layer in stem], [layer["stride"] for layer in stem]


def _check_stride(stride: int, where: str) -> None:
    """Refuse a stride other than 1 and 2: the necks rely on sizes that halve."""
    if stride not in (1, 2):
        raise ValueError(f"Expected a stride of 1 or 2 in the {where} of the backbone but got {stride}.")
