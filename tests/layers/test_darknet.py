"""Darknet's pooling keeps every cell, and its convolutions leak."""

import pytest
import torch
from torch.nn import functional as F

from lightweight_ssd.layers.darknet import leaky_conv, pool_in_place, pool_to_half


@pytest.mark.parametrize("size", [(4, 6), (5, 3), (1, 1)])
def test_pooling_is_darknets(size: tuple[int, int]) -> None:
    """Darknet's pooling looks at each cell and those to the right and below; nothing lies beyond the edge."""
    x = -torch.rand(2, 3, *size)
    beyond = F.pad(x, (0, 1, 0, 1), value=-torch.inf)
    assert torch.equal(pool_in_place(x), F.max_pool2d(beyond, 2, 1))
    assert torch.equal(pool_to_half(x), F.max_pool2d(beyond, 2, 2))


def test_a_leaky_convolution_keeps_a_tenth_below_zero() -> None:
    layer = leaky_conv(3, 4, 3, 2, momentum=0.1, eps=1e-5).eval()
    x = torch.randn(2, 3, 5, 5)
    expected = F.conv2d(x, layer[0].weight, stride=2, padding=1) / (1 + 1e-5) ** 0.5  # pyright: ignore
    torch.testing.assert_close(layer(x), torch.where(expected > 0, expected, expected * 0.1))
