"""A detector made ready for inference: the same outputs, up to rounding, in a fraction of the time on a CPU.

Batch normalization with fixed statistics is a scale and a shift per channel, so it becomes part of the convolution
before it; a mixed depthwise convolution becomes one of its largest kernel, padded with zeros; a rectifier is applied
where the convolution writes its result. What remains are convolutions, pooling, attention and sums.

The copy cannot be trained, saved or folded again. A part that is not built of this project's layers, such as a network
of timm, keeps its layers as they are.
"""

import copy
from collections.abc import Iterator
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lightweight_ssd.layers.conv import RepeatedConvNorm
from lightweight_ssd.layers.mixed_depthwise import MixedDepthwise
from lightweight_ssd.system.device import device_of

__all__ = ["fold", "prepared_for_inference"]


_Network = TypeVar("_Network", bound=nn.Module)


def prepared_for_inference(detector: _Network, device: torch.device | str | None = None) -> _Network:
    """Make a copy of a detector that infers faster; it takes the same images and gives the same outputs.

    Args:
        detector: In any mode; stays as it is.
        device: Where the copy is put; None = where the detector is.

    Returns:
        The copy, in evaluation mode, without gradients; on a CPU in channels-last order, on a GPU in the detector's.
    """
    ready = copy.deepcopy(detector).eval().requires_grad_(False)
    fold(ready)
    ready = ready if device is None else ready.to(device)
    if device_of(ready).type != "cpu":
        return ready
    return ready.to(memory_format=torch.channels_last)


class _FoldedConvolution(nn.Conv2d):
    """A convolution with bias and, where it has one, a rectifier.

    oneDNN rectifies what it has just computed, before it is written to memory; without oneDNN, under autocast and in a
    compiler the two are separate.
    """

    slope: float | None = None  # of the rectifier below 0; None = there is no rectifier

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolve and rectify."""
        if _fuses(x):
            name = "none" if self.slope is None else "leaky_relu" if self.slope else "relu"
            return torch.ops.mkldnn._convolution_pointwise(
                x, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups,
                name, [self.slope] if self.slope else [], "",
            )  # fmt: skip
        x = super().forward(x)
        if self.slope is None:
            return x
        return F.leaky_relu(x, self.slope, inplace=True) if self.slope else F.relu(x, inplace=True)


class _FoldedUses(nn.Module):
    """A `RepeatedConvNorm` with one folded convolution per use."""

    def __init__(self, uses: Iterator[_FoldedConvolution]) -> None:
        super().__init__()
        self.uses = nn.ModuleList(uses)

    def forward(self, x: Float[Tensor, "B _ H W"], use: int) -> Float[Tensor, "B _ H W"]:
        return self.uses[use](x)


def fold(module: nn.Module) -> None:
    """Replace the layers inside a module, in place, by fewer ones with the same outputs in evaluation mode.

    Args:
        module: In evaluation mode. Only what stands in a `Sequential` or a `RepeatedConvNorm` is folded.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, RepeatedConvNorm):
            folded = (_folded(child.conv, norm, 0.0 if child.relu else None) for norm in child.norms)  # pyright: ignore[reportArgumentType]
            setattr(module, name, _FoldedUses(folded))
            continue
        fold(child)
        if type(child) is nn.Sequential:
            setattr(module, name, nn.Sequential(*_folded_layers(list(child))))


def _folded_layers(layers: list[nn.Module]) -> Iterator[nn.Module]:
    """The layers of a sequence, those of each convolution, normalization and rectifier as one."""
    at = 0
    while at < len(layers):
        layer, following = layers[at], [*layers[at + 1 : at + 3], None, None]
        norm = following[0]
        if not isinstance(layer, nn.Conv2d | MixedDepthwise) or not _is_fixed(norm):
            yield layer
            at += 1
            continue
        slope = _slope(following[1])
        yield _folded(layer, norm, slope)  # pyright: ignore[reportArgumentType]
        at += 2 if slope is None else 3


def _slope(layer: nn.Module | None) -> float | None:
    """Of a rectifier below 0; None for any other layer."""
    if type(layer) is nn.ReLU:
        return 0.0
    return layer.negative_slope if isinstance(layer, nn.LeakyReLU) else None


def _is_fixed(norm: nn.Module | None) -> bool:
    return isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats and norm.affine


def _folded(layer: nn.Module, norm: nn.BatchNorm2d, slope: float | None) -> _FoldedConvolution:
    conv = _merged(layer) if isinstance(layer, MixedDepthwise) else layer
    assert isinstance(conv, nn.Conv2d)
    fused = fuse_conv_bn_eval(conv, norm)
    fused.__class__ = _FoldedConvolution
    assert isinstance(fused, _FoldedConvolution)
    fused.slope = slope
    return fused.requires_grad_(False)


def _merged(mixed: MixedDepthwise) -> nn.Conv2d:
    """One depthwise convolution of the largest kernel; the smaller ones stand in its middle."""
    parts = [part for part in mixed.parts if isinstance(part, nn.Conv2d)]
    largest = max(parts, key=lambda part: part.kernel_size)
    channels = sum(part.out_channels for part in parts)
    side, stride = largest.kernel_size[0], largest.stride[0]
    merged = nn.Conv2d(channels, channels, side, stride, side // 2, groups=channels, bias=False)
    margins = [(side - part.kernel_size[0]) // 2 for part in parts]
    kernels = [F.pad(part.weight, (margin,) * 4) for part, margin in zip(parts, margins, strict=True)]
    merged.weight = nn.Parameter(torch.cat(kernels), requires_grad=False)
    return merged.eval()


def _fuses(x: Tensor) -> bool:
    """Whether oneDNN can rectify while it convolves."""
    if torch.compiler.is_compiling() or x.device.type != "cpu" or x.dtype != torch.float32 or x.numel() == 0:
        return False
    return _HAS_ONEDNN and torch.backends.mkldnn.enabled and not torch.is_autocast_enabled("cpu")  # pyright: ignore[reportAttributeAccessIssue]


_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
