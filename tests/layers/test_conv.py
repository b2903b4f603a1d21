"""The building blocks of backbone and necks."""

import pytest
import torch
from torch import nn

from lightweight_ssd.layers.conv import conv_norm, convolution


@pytest.mark.parametrize(("size", "stride", "expected"), [(7, 1, 7), (7, 2, 4), (8, 2, 4), (1, 2, 1)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_size_is_kept_or_halved_and_rounded_up(kernel: int, size: int, stride: int, expected: int) -> None:
    assert convolution(2, 3, kernel, stride)(torch.zeros(1, 2, size, size)).shape == (1, 3, expected, expected)


def test_empty_batch() -> None:
    layer = conv_norm(2, 3, momentum=0.03, eps=1e-3).eval()
    assert layer(torch.zeros(0, 2, 4, 4)).shape == (0, 3, 4, 4)


def test_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd kernel size but got 4"):
        convolution(2, 3, 4)


def test_norm_settings_and_rectifier() -> None:
    conv, norm, relu = conv_norm(2, 3, momentum=0.5, eps=0.1)
    assert conv.bias is None
    assert (norm.momentum, norm.eps) == (0.5, 0.1)
    assert isinstance(relu, nn.ReLU)
    assert len(conv_norm(2, 3, relu=False, momentum=0.5, eps=0.1)) == 2


def test_initial_weights_count_the_outputs_of_one_group() -> None:
    torch.manual_seed(0)
    assert convolution(512, 512, 3, groups=512).weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert convolution(16, 512, 3).weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.05)
