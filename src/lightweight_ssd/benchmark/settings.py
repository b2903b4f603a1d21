"""Types of the benchmarks' settings, and the number of threads that they measure with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import torch
from msgspec import Meta

__all__ = ["NotNegative", "cpu_threads"]

NotNegative = Annotated[int, Meta(ge=0)]
"""A whole number of at least 0."""


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Lets PyTorch use so many threads in the block, and as many as before after it.

    Args:
        count: Threads; None = as many as PyTorch uses anyway.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
