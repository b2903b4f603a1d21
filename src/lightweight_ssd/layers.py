"""The two layers that backbone and necks are built from, with their initial weights.

Every convolution of the network but the predictors is followed by batch normalisation and has no bias.
"""

import math

from torch import nn

__all__ = ["conv_norm", "convolution"]


def convolution(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Convolution without bias that keeps the size, halved and rounded up at stride 2.

    Its weights are drawn as He et al. propose for rectified units, over the fan-out *of one group*.
    `torch.nn.init.kaiming_normal_` counts the outputs of all groups, which makes depthwise weights so small
    that the epsilon of the normalisation after them is no longer negligible.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the square kernel; odd.
        stride: 1 or more.
        groups: Groups of channels; `in_channels` for a depthwise convolution.

    Raises:
        ValueError: For an even kernel.
    """
    if kernel_size % 2 == 0:
        raise ValueError(f"Expected an odd kernel size but got {kernel_size}; choose 1, 3, 5, …")
    padding = kernel_size // 2
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
    nn.init.normal_(layer.weight, std=math.sqrt(2 * groups / (out_channels * kernel_size**2)))
    return layer


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    groups: int = 1,
    *,
    relu: bool = True,
    momentum: float,
    eps: float,
) -> nn.Sequential:
    """Convolution, batch normalisation and, unless `relu` is false, a rectifier.

    Args:
        in_channels: See `convolution`, as the next four.
        out_channels: See `convolution`.
        kernel_size: See `convolution`.
        stride: See `convolution`.
        groups: See `convolution`.
        relu: False for a linear projection.
        momentum: Share of the newest batch in the running statistics, 0 to 1.
        eps: Added to the variance.
    """
    layers: list[nn.Module] = [convolution(in_channels, out_channels, kernel_size, stride, groups)]
    layers.append(nn.BatchNorm2d(out_channels, eps=eps, momentum=momentum))
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
