"""What Darknet's networks have in common: the slope of their rectifiers, and max pooling that loses no cell."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["SLOPE", "pool_in_place", "pool_to_half", "scaled"]

SLOPE = 0.1
"""Of the rectifiers below 0, in every network of Darknet (`leaky`)."""


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
