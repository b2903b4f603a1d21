"""The weight gradients by matrix products against PyTorch's own."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from lightweight_ssd.layers.conv import convolution
from lightweight_ssd.layers.weight_gradient import Convolution, few_channels_gradient, halving_gradient

LAST = torch.channels_last


def _expected(x: Tensor, gradient: Tensor, stride: int) -> Tensor:
    shape = (gradient.shape[1], x.shape[1], 3, 3)
    return conv2d_weight(x, shape, gradient, stride, padding=1)


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 2, 2), (1, 2, 6), (2, 4, 2), (3, 6, 10)])
def test_halving(batch: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(batch, 5, height, width, dtype=torch.float64).to(memory_format=LAST)
    gradient = torch.randn(batch, 4, height // 2, width // 2, dtype=torch.float64).to(memory_format=LAST)
    torch.testing.assert_close(halving_gradient(x, gradient), _expected(x, gradient, 2))


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 1, 1), (1, 1, 4), (2, 3, 2), (3, 5, 7)])
def test_few_channels(batch: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(batch, 3, height, width, dtype=torch.float64).to(memory_format=LAST)
    gradient = torch.randn(batch, 4, height, width, dtype=torch.float64).to(memory_format=LAST)
    torch.testing.assert_close(few_channels_gradient(x, gradient), _expected(x, gradient, 1))


@pytest.mark.parametrize(("in_channels", "stride", "size"), [(3, 1, (66, 70)), (8, 2, (130, 128)), (8, 2, (129, 131))])
@pytest.mark.parametrize("order", [LAST, torch.contiguous_format])
def test_training_has_the_gradients_of_a_plain_convolution(
    in_channels: int, stride: int, size: tuple[int, int], order: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    torch.manual_seed(0)
    layer = convolution(in_channels, 6, 3, stride).to(memory_format=order)
    x = torch.randn(2, in_channels, *size).to(memory_format=order).requires_grad_()
    y = layer(x)
    expected = F.conv2d(x, layer.weight, stride=stride, padding=1)
    torch.testing.assert_close(y, expected)
    weigh = torch.randn_like(y)
    ours = torch.autograd.grad((y * weigh).sum(), [x, layer.weight])
    theirs = torch.autograd.grad((expected * weigh).sum(), [x, layer.weight])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


def test_the_products_are_used_where_they_pay_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    layer, x = convolution(3, 4, 3), torch.randn(1, 3, 64, 64).to(memory_format=LAST)
    assert "WithMatrixProducts" in type(layer(x).grad_fn).__name__
    assert "WithMatrixProducts" not in type(layer(x.contiguous()).grad_fn).__name__
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert "WithMatrixProducts" not in type(layer(x).grad_fn).__name__


def test_it_is_a_plain_convolution_in_all_else() -> None:
    plain = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    layer = Convolution(3, 4, 3, padding=1, bias=False)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 64, 64).to(memory_format=LAST)
    with torch.no_grad():
        assert torch.equal(layer(x), plain(x))
