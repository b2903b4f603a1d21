"""Darknet's pooling keeps every cell."""

import pytest
import torch
from torch.nn import functional as F

from lightweight_ssd.layers.darknet import pool_in_place, pool_to_half


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 1)])
def test_pooling_is_darknets(size: tuple[int, int]) -> None:
    """Darknet's pooling looks at each cell and those to the right and below; nothing lies beyond the edge."""
    x = -torch.rand(2, 3, *size)
    beyond = F.pad(x, (0, 1, 0, 1), value=-torch.inf)
    assert torch.equal(pool_in_place(x), F.max_pool2d(beyond, 2, 1))
    assert torch.equal(pool_to_half(x), F.max_pool2d(beyond, 2, 2))
