"""Full precision where half of it breaks the numbers: losses and box arithmetic stay in float32 under any autocast.

The area of a 300 × 300 box is 90,000, past float16's 65,504, and bfloat16 rounds a coordinate of 300 to even pixels.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

__all__ = ["at_least_float32", "full_precision"]

P = ParamSpec("P")
R = TypeVar("R")


def at_least_float32(tensor: Tensor) -> Tensor:
    """Widen float16 and bfloat16 to float32; float64 stays float64 and integers stay what they are.

    Example:
        >>> at_least_float32(torch.zeros(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    if not tensor.is_floating_point():
        return tensor
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function of tensors so that it computes in at least float32 with autocast off.

    Only tensors that are passed directly are widened (not those inside lists or named tuples).
    """

    @functools.wraps(function)
    def widened(*args: P.args, **kwargs: P.kwargs) -> R:
        values = [*args, *kwargs.values()]
        device = next((value.device.type for value in values if isinstance(value, Tensor)), "cpu")
        wide_args = [at_least_float32(value) if isinstance(value, Tensor) else value for value in args]
        wide_kwargs = {k: at_least_float32(v) if isinstance(v, Tensor) else v for k, v in kwargs.items()}
        with torch.autocast(device, enabled=False):
            return function(*wide_args, **wide_kwargs)  # pyright: ignore[reportCallIssue]

    return widened
