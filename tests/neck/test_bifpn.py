"""BiFPN."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.neck.bifpn import BiFPN, Fusion

CHANNELS = (3, 5, 4)


def levels(batch: int, sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 4), (3, 2))) -> list[Tensor]:
    return [torch.randn(batch, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("batch", [0, 2])
def test_sizes_stay_and_channels_are_the_width(batch: int, repeats: int) -> None:
    neck = BiFPN(CHANNELS, width=6, repeats=repeats).eval()
    assert neck.out_channels == (6, 6, 6)
    assert [tuple(out.shape) for out in neck(levels(batch))] == [(batch, 6, 9, 7), (batch, 6, 5, 4), (batch, 6, 3, 2)]


@pytest.mark.parametrize("sides", [(38, 19, 10, 5, 3), (19, 10, 5, 3, 2, 1), (6, 3, 2, 1, 1, 1), (1, 1)])
def test_the_sizes_of_the_backbones_train(sides: tuple[int, ...]) -> None:
    neck = BiFPN([4] * len(sides), width=6)
    outputs = neck([torch.randn(2, 4, side, side) for side in sides])
    assert [out.shape[-1] for out in outputs] == list(sides)
    sum(out.sum() for out in outputs).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_two_repeats_written_out() -> None:
    torch.manual_seed(0)
    neck, maps = BiFPN(CHANNELS, width=6, repeats=2).eval(), levels(2)
    for parameter in (p for name, p in neck.named_parameters() if name.endswith("weights")):
        nn.init.uniform_(parameter, 0.1, 1.0)

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, 1)

    fine, middle, coarse = (lateral(level) for lateral, level in zip(neck.lateral, maps, strict=True))
    for repeat in neck.repeats:
        down, up = repeat.down, repeat.up
        mid = down[1]([middle, F.interpolate(coarse, size=(5, 4))])  # type: ignore[operator]
        fine = down[0]([fine, F.interpolate(mid, size=(9, 7))])  # type: ignore[operator]
        middle = up[0]([middle, mid, pool(fine)])  # type: ignore[operator]
        coarse = up[1]([coarse, pool(middle)])  # type: ignore[operator]
    for out, expected in zip(neck(maps), (fine, middle, coarse), strict=True):
        torch.testing.assert_close(out, expected)


def test_fusion_is_a_mean_by_weights_above_zero() -> None:
    fusion = Fusion(3, 2, 0.1, 1e-5)
    fusion.conv = nn.Sequential()
    fusion.weights.data = torch.tensor([1.0, 3.0, -2.0])
    maps = [torch.full((1, 2, 1, 1), value) for value in (4.0, 8.0, 100.0)]
    torch.testing.assert_close(fusion(maps), torch.full((1, 2, 1, 1), (4 + 3 * 8) / 4.0001))


def test_weights_that_are_all_below_zero_stay_finite() -> None:
    fusion = Fusion(2, 2, 0.1, 1e-5)
    fusion.weights.data = torch.tensor([-1.0, -1.0])
    out = fusion([torch.randn(2, 2, 3, 3)] * 2)
    out.sum().backward()
    assert out.isfinite().all()
    assert fusion.weights.grad is not None
    assert fusion.weights.grad.isfinite().all()


@pytest.mark.parametrize("repeats", [1, 2])
def test_every_parameter_gets_a_gradient(repeats: int) -> None:
    torch.manual_seed(0)
    neck = BiFPN(CHANNELS, width=6, repeats=repeats)
    sum((out * torch.randn_like(out)).sum() for out in neck(levels(2))).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_parameters_by_hand() -> None:
    separable = 9 * 6 + 6 * 6 + 2 * 2 * 6
    lateral = sum(c * 6 + 2 * 6 for c in CHANNELS)
    weights = 2 + 2 + 3 + 2
    count = sum(p.numel() for p in BiFPN(CHANNELS, width=6, repeats=3).parameters())
    assert count == lateral + 3 * (4 * separable + weights)


def test_autocast_computes_the_sums_in_half_precision() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        share = Fusion(2, 2, 0.1, 1e-5)
        share.conv = nn.Sequential()
        assert share([torch.ones(1, 2, 1, 1, dtype=torch.bfloat16)] * 2).dtype == torch.bfloat16


def test_every_norm_has_the_settings() -> None:
    norms = [m for m in BiFPN(CHANNELS, 6, 2, 0.2, 0.5).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 0.5)}


@pytest.mark.slow
def test_exports_without_adaptive_pooling() -> None:
    neck, maps = BiFPN(CHANNELS, width=6, repeats=1).eval(), levels(2)
    program = torch.export.export(neck, (maps,))
    assert "adaptive" not in str(program.graph)
    for out, expected in zip(program.module()(maps), neck(maps), strict=True):
        torch.testing.assert_close(out, expected)


@pytest.mark.parametrize(
    ("channels", "repeats", "message"),
    [((3, 5), 0, "repeats of BiFPN to be 1 or more but got 0"), ((3,), 2, "two or more levels for BiFPN")],
)
def test_mistakes_are_named(channels: tuple[int, ...], repeats: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BiFPN(channels, repeats=repeats)


def test_levels_that_do_not_halve_are_refused() -> None:
    with pytest.raises(ValueError, match="each level of BiFPN to be half of the one before"):
        BiFPN(CHANNELS, width=6)(levels(1, ((9, 7), (9, 7), (5, 4))))
