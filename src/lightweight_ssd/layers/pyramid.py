"""Resizing that feature pyramids share: a map gets the size of the level below or above.

Nothing here needs a size that is known only at run time, as adaptive pooling does, which ONNX does not have.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["check_halving", "enlarge", "shrink"]


def enlarge(x: Float[Tensor, "B C _ _"], target: Float[Tensor, "B _ H W"]) -> Float[Tensor, "B C H W"]:
    """Nearest upsampling to the exact size of `target`.

    Example:
        >>> enlarge(torch.tensor([[[[1.0, 2.0]]]]), torch.zeros(1, 5, 1, 3))
        tensor([[[[1., 1., 2.]]]])
    """
    return F.interpolate(x, size=target.shape[-2:], mode="nearest")


def shrink(x: Float[Tensor, "B C _ _"]) -> Float[Tensor, "B C _ _"]:
    """Max pooling to half the size, rounded up, as by a 3×3 convolution of stride 2.

    Example:
        >>> shrink(torch.tensor([[[[1.0, 2.0, 3.0]]]]))
        tensor([[[[2., 3.]]]])
    """
    return F.max_pool2d(x, kernel_size=3, stride=2, padding=1)


def check_halving(maps: list[Float[Tensor, "B _ _ _"]], neck: str) -> None:
    """Refuse levels that are not halves of each other; does nothing under compilation, where sizes may be symbols.

    Args:
        maps: One map per level, finest first.
        neck: Name of the neck, for the message.

    Raises:
        ValueError: If a level is not half of the one before, rounded up.
    """
    if torch.compiler.is_compiling():
        return
    sizes = [tuple(level.shape[-2:]) for level in maps]
    for coarser, finer in zip(sizes[1:], sizes[:-1], strict=True):
        if coarser != tuple((side + 1) // 2 for side in finer):
            raise ValueError(f"Expected each level of {neck} to be half of the one before but got the sizes {sizes}.")
