import pytest
import torch
from torch import Tensor

from lightweight_ssd.ops.precision import at_least_float32, full_precision


@full_precision
def product(first: Tensor, *, second: Tensor) -> Tensor:
    return first @ second


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int64, torch.int64),
    ],
)
def test_at_least_float32(given: torch.dtype, expected: torch.dtype):
    assert at_least_float32(torch.zeros(0, dtype=given)).dtype == expected


def test_full_precision_switches_autocast_off_and_widens():
    first, second = torch.full((2, 2), 1.001), torch.eye(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (first @ second).dtype == torch.bfloat16
        torch.testing.assert_close(product(first, second=second), first)
        assert product(first.bfloat16(), second=second.bfloat16()).dtype == torch.float32
        assert (first @ second).dtype == torch.bfloat16


def test_full_precision_passes_gradients_to_the_half_precision_input():
    first = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    product(first, second=torch.eye(2)).sum().backward()
    assert first.grad is not None
    assert first.grad.dtype == torch.bfloat16
