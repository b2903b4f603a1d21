"""The blocks of YOLO Nano, and stacks of them written as the figure of its paper lists them.

EP (expansion, projection) and PEP (projection, expansion, projection) are a depthwise 3×3 convolution between 1×1
ones; the last of them is linear. The figure gives each block's outputs and, of PEP, the first projection, but not by
which factor the maps are widened before the depthwise convolution: that is a setting.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.layers.conv import conv_norm, convolution
from lightweight_ssd.layers.darknet import scaled

__all__ = ["EP", "FCA", "PEP", "Conv", "Factors", "stack"]


class Factors(NamedTuple):
    """What all blocks of a network have in common.

    Attributes:
        width: On the channels of every layer.
        ep_expansion: Of EP: channels of its depthwise convolution, as a multiple of its input's.
        pep_expansion: Of PEP: the same, as a multiple of its first projection's.
        momentum: Share of the newest batch in the running statistics.
        eps: Added to the variance.
    """

    width: float
    ep_expansion: float
    pep_expansion: float
    momentum: float
    eps: float


class Conv(NamedTuple):
    """A plain convolution, normalized and rectified."""

    channels: int
    kernel_size: int = 1
    stride: int = 1


class EP(NamedTuple):
    """Expansion, depthwise convolution, linear projection."""

    channels: int
    stride: int = 1


class PEP(NamedTuple):
    """Projection to `reduced` channels, then as EP."""

    reduced: int
    channels: int


class FCA(NamedTuple):
    """Fully connected attention: a factor per channel, learned from the means of all channels."""

    channels: int
    reduction: int = 8


def stack(in_channels: int, plan: Sequence[Conv | EP | PEP | FCA], factors: Factors) -> nn.Sequential:
    """The blocks of a plan, one after the other.

    Args:
        in_channels: Channels of the input, as they are.
        plan: Each block with its channels at width 1.
        factors: See `Factors`.
    """
    blocks, before = nn.Sequential(), in_channels
    for block in plan:
        blocks.append(_block(before, block, factors))
        before = scaled(block.channels, factors.width)
    return blocks


def _block(before: int, block: Conv | EP | PEP | FCA, factors: Factors) -> nn.Module:
    after = scaled(block.channels, factors.width)
    match block:
        case Conv():
            return _rectified(before, after, block.kernel_size, block.stride, factors=factors)
        case FCA():
            return _Attention(after, max(1, after // block.reduction))
        case EP():
            return _Bottleneck(before, None, after, block.stride, factors)
        case PEP():
            return _Bottleneck(before, scaled(block.reduced, factors.width), after, 1, factors)


def _rectified(
    before: int, after: int, kernel_size: int = 1, stride: int = 1, groups: int = 1, *, factors: Factors
) -> nn.Sequential:
    conv = partial(conv_norm, relu=False, momentum=factors.momentum, eps=factors.eps)
    return conv(before, after, kernel_size, stride, groups).append(nn.ReLU6(inplace=True))


class _Bottleneck(nn.Module):
    """EP, or PEP where there is a first projection; the input is added where size and channels allow it."""

    def __init__(self, before: int, reduced: int | None, after: int, stride: int, factors: Factors) -> None:
        super().__init__()
        rectified = partial(_rectified, factors=factors)
        self.reduce = nn.Identity() if reduced is None else rectified(before, reduced)
        inner, factor = (before, factors.ep_expansion) if reduced is None else (reduced, factors.pep_expansion)
        widened = scaled(inner, factor)
        self.expand = rectified(inner, widened)
        self.depthwise = rectified(widened, widened, 3, stride, widened)
        self.project = conv_norm(widened, after, relu=False, momentum=factors.momentum, eps=factors.eps)
        self.residual = stride == 1 and before == after

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        out = self.project(self.depthwise(self.expand(self.reduce(x))))
        return x + out if self.residual else out


class _Attention(nn.Module):
    """Weighs the channels; 1×1 convolutions of a single cell are the fully connected layers."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        layers = (convolution(channels, reduced, 1), nn.ReLU6(inplace=True), convolution(reduced, channels, 1))
        self.weigh = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return x * self.weigh(x.mean((2, 3), keepdim=True))
