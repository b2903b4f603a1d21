"""What Darknet's networks are built of: leaky convolutions, and max pooling that loses no cell."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.layers.conv import conv_norm

__all__ = ["SLOPE", "leaky_conv", "pool_in_place", "pool_to_half", "scaled"]

SLOPE = 0.1
"""Of the leaky rectifier below zero, in every network of Darknet."""


def leaky_conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    groups: int = 1,
    *,
    momentum: float,
    eps: float,
) -> nn.Sequential:
    """Convolution, batch normalization and a leaky rectifier; see `conv_norm`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the square kernel; odd.
        stride: 1 or 2.
        groups: `in_channels` for a depthwise convolution.
        momentum: Share of the newest batch in the running statistics, 0 to 1.
        eps: Added to the variance.

    Source: Redmon and Farhadi, "YOLO9000", 2017; the slope is that of Darknet's `leaky`.
    """
    layers = conv_norm(in_channels, out_channels, kernel_size, stride, groups, relu=False, momentum=momentum, eps=eps)
    return layers.append(nn.LeakyReLU(SLOPE, inplace=True))


def scaled(channels: int, width: float) -> int:
    """Channels times a factor, rounded, at least 1.

    Raises:
        ValueError: For a factor that is not above 0.

    Example:
        >>> scaled(64, 1.0), scaled(64, 0.3), scaled(7, 0.01)
        (64, 19, 1)
    """
    if width <= 0:
        raise ValueError(f"Expected the width of a network above 0 but got {width}; 1.0 is its full width.")
    return max(1, round(channels * width))


def pool_to_half(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Maximum of 2×2 cells; a last odd row or column is kept, so that the size is half, rounded up.

    Example:
        >>> import torch
        >>> pool_to_half(torch.tensor([[[[1.0, 3.0, 2.0]]]]))
        tensor([[[[3., 2.]]]])
    """
    return F.max_pool2d(x, 2, 2, ceil_mode=True)


def pool_in_place(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Maximum of each cell and those to the right and below, at the same size, as Darknet's 2×2 pooling of stride 1.

    Padding above and to the left, which is cut off again, is what every runtime of exported files knows.

    Example:
        >>> import torch
        >>> pool_in_place(torch.tensor([[[[1.0, 3.0, 2.0]]]]))
        tensor([[[[3., 3., 2.]]]])
    """
    return F.max_pool2d(x, 2, 1, padding=1)[..., 1:, 1:]
