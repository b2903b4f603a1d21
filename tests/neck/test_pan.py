"""PAN."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.neck.pan import PAN

CHANNELS = (3, 5, 4)


def levels(batch: int, sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 4), (3, 2))) -> list[Tensor]:
    return [torch.randn(batch, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize("batch", [0, 2])
def test_sizes_stay_and_channels_are_the_width(batch: int) -> None:
    neck = PAN(CHANNELS, width=6).eval()
    assert neck.out_channels == (6, 6, 6)
    assert [tuple(out.shape) for out in neck(levels(batch))] == [(batch, 6, 9, 7), (batch, 6, 5, 4), (batch, 6, 3, 2)]


@pytest.mark.parametrize("sides", [(38, 19, 10, 5, 3), (19, 10, 5, 3, 2, 1), (6, 3, 2, 1, 1, 1), (1, 1)])
def test_the_sizes_of_the_backbones_train(sides: tuple[int, ...]) -> None:
    neck = PAN([4] * len(sides), width=6)
    outputs = neck([torch.randn(2, 4, side, side) for side in sides])
    assert [out.shape[-1] for out in outputs] == list(sides)
    sum(out.sum() for out in outputs).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_down_then_up_written_out() -> None:
    neck, maps = PAN(CHANNELS, width=6).eval(), levels(2)
    fine, middle, coarse = (lateral(level) for lateral, level in zip(neck.lateral, maps, strict=True))
    middle = middle + F.interpolate(coarse, size=(5, 4))
    fine = fine + F.interpolate(middle, size=(9, 7))
    fine, middle, coarse = (fuse(level) for fuse, level in zip(neck.fuse, (fine, middle, coarse), strict=True))
    middle = neck.output[0](middle + neck.down[0](fine))
    coarse = neck.output[1](coarse + neck.down[1](middle))
    for out, expected in zip(neck(maps), (fine, middle, coarse), strict=True):
        torch.testing.assert_close(out, expected)


def test_every_parameter_gets_a_gradient() -> None:
    neck = PAN(CHANNELS, width=6)
    sum(out.square().sum() for out in neck(levels(2))).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_parameters_by_hand() -> None:
    separable = 9 * 6 + 6 * 6 + 2 * 2 * 6
    lateral = sum(c * 6 + 2 * 6 for c in CHANNELS)
    assert sum(p.numel() for p in PAN(CHANNELS, width=6).parameters()) == lateral + (3 + 2 + 2) * separable


def test_every_norm_has_the_settings() -> None:
    norms = [m for m in PAN(CHANNELS, 6, 0.2, 0.5).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 0.5)}


def test_exports_without_adaptive_pooling() -> None:
    neck, maps = PAN(CHANNELS, width=6).eval(), levels(2)
    program = torch.export.export(neck, (maps,))
    assert "adaptive" not in str(program.graph)
    for out, expected in zip(program.module()(maps), neck(maps), strict=True):
        torch.testing.assert_close(out, expected)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="two or more levels for PAN"):
        PAN([3])
    with pytest.raises(ValueError, match="each level of PAN to be half of the one before"):
        PAN(CHANNELS, width=6)(levels(1, ((9, 7), (9, 7), (5, 4))))
    with pytest.raises(ValueError):
        PAN(CHANNELS, width=6)(levels(2)[:2])
