"""Pelee's residual prediction blocks."""

import pytest
import torch

from lightweight_ssd.neck.pelee import ResidualBlock, ResidualPrediction

CHANNELS = (3, 5, 4)


def levels(batch: int) -> list[torch.Tensor]:
    return [torch.randn(batch, c, *size) for c, size in zip(CHANNELS, ((9, 7), (5, 4), (3, 2)), strict=True)]


def test_parameters_on_the_maps_of_peleenet() -> None:
    with torch.device("meta"):
        neck = ResidualPrediction((512, 704, 256, 256, 256))
    assert sum(each.numel() for each in neck.parameters()) == 1_670_656


@pytest.mark.parametrize("batch", [0, 2])
def test_the_finest_level_comes_twice(batch: int) -> None:
    neck = ResidualPrediction(CHANNELS, width=6).eval()
    assert neck.out_channels == (6, 6, 6, 6)
    sizes = [(batch, 6, 9, 7), (batch, 6, 9, 7), (batch, 6, 5, 4), (batch, 6, 3, 2)]
    maps = neck(levels(batch))
    assert [tuple(out.shape) for out in maps] == sizes
    assert maps[0] is maps[1]


@pytest.mark.parametrize("uses", [1, 3])
def test_how_often_it_comes_is_a_setting(uses: int) -> None:
    neck = ResidualPrediction([3], width=2, finest_uses=uses).eval()
    assert len(neck.out_channels) == len(neck([torch.zeros(1, 3, 1, 1)])) == uses


def test_the_two_summands_are_linear_and_the_sum_is_rectified() -> None:
    neck, maps = ResidualPrediction(CHANNELS, width=6).eval(), levels(2)
    for block, x, out in zip(neck.blocks, maps, neck(maps)[1:], strict=True):
        assert isinstance(block, ResidualBlock)
        reduce, reduce_norm, _, inner, inner_norm, _, widen, widen_norm = block.bottleneck
        hidden = inner_norm(inner(reduce_norm(reduce(x)).relu())).relu()
        torch.testing.assert_close(out, (block.shortcut(x) + widen_norm(widen(hidden))).relu())


def test_every_parameter_gets_a_gradient() -> None:
    neck = ResidualPrediction(CHANNELS, width=6)
    sum(out.square().sum() for out in neck(levels(2))).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("wrong", [{"width": 1}, {"finest_uses": 0}])
def test_mistakes_are_named(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"neck\.width of at least 2 and neck\.finest_uses of at least 1"):
        ResidualPrediction([3], **wrong)
