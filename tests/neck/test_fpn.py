"""FPN."""

import pytest
import torch
from torch.nn import functional as F

from lightweight_ssd.neck.fpn import FPN

CHANNELS = (3, 5, 4)


def levels(batch: int, sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 4), (3, 2))) -> list[torch.Tensor]:
    return [torch.randn(batch, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize("batch", [0, 2])
def test_sizes_stay_and_channels_are_the_width(batch: int) -> None:
    neck = FPN(CHANNELS, width=6).eval()
    assert neck.out_channels == (6, 6, 6)
    assert [tuple(out.shape) for out in neck(levels(batch))] == [(batch, 6, 9, 7), (batch, 6, 5, 4), (batch, 6, 3, 2)]


def test_one_level_is_a_pyramid_too() -> None:
    assert [tuple(out.shape) for out in FPN([3], width=6).eval()([torch.zeros(1, 3, 1, 1)])] == [(1, 6, 1, 1)]


def test_sums_run_from_coarse_to_fine() -> None:
    neck, maps = FPN(CHANNELS, width=6).eval(), levels(2)
    fine, middle, coarse = (lateral(level) for lateral, level in zip(neck.lateral, maps, strict=True))
    middle = middle + F.interpolate(coarse, size=(5, 4))
    fine = fine + F.interpolate(middle, size=(9, 7))
    for out, layer, mid in zip(neck(maps), neck.output, (fine, middle, coarse), strict=True):
        torch.testing.assert_close(out, layer(mid))


def test_every_parameter_gets_a_gradient() -> None:
    neck = FPN(CHANNELS, width=6)
    sum(out.square().sum() for out in neck(levels(2))).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_wrong_number_of_levels_is_refused() -> None:
    with pytest.raises(ValueError):
        FPN(CHANNELS, width=6)(levels(2)[:2])
