"""MBlitenet against Table 2."""

from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lightweight_ssd.backbone.mblitenet import InvertedResidual, MBlitenet, MixedDepthwise, Row, SpatialAttention
from lightweight_ssd.config.paths import CONF_DIR

ROW = {"block": "mix", "expansion": 2, "channels": 4, "repeats": 1, "stride": 2, "level": True}


def small(**changes: Any) -> MBlitenet:
    stem = [{"channels": 4, "stride": 2}]
    return MBlitenet(**{"stem": stem, "rows": [ROW], "last_channels": 8, "extra_channels": [6]} | changes)


@pytest.fixture(scope="module")
def paper() -> MBlitenet:
    return instantiate(OmegaConf.load(CONF_DIR / "backbone" / "mblitenet.yaml"), _convert_="all").eval()


def test_levels_of_the_paper(paper: MBlitenet) -> None:
    assert paper.out_channels == (32, 96, 1280, 128, 128)
    assert paper.strides == (8, 16, 32, 64, 128)
    with torch.no_grad():
        maps = paper(torch.zeros(1, 3, 300, 300))
    assert [tuple(level.shape[1:]) for level in maps] == [
        (32, 38, 38),
        (96, 19, 19),
        (1280, 10, 10),
        (128, 5, 5),
        (128, 3, 3),
    ]


def test_odd_size_and_empty_batch(paper: MBlitenet) -> None:
    sizes = [(33, 24), (17, 12), (9, 6), (5, 3), (3, 2)]
    for batch in (0, 1):
        with torch.no_grad():
            maps = paper(torch.zeros(batch, 3, 257, 191))
        expected = [(batch, c, *size) for c, size in zip(paper.out_channels, sizes, strict=True)]
        assert [tuple(level.shape) for level in maps] == expected


def test_rows_of_the_paper(paper: MBlitenet) -> None:
    assert [len(row) for row in paper.rows] == [1, 2, 3, 4, 3, 3, 1]  # type: ignore[arg-type]
    attentions = [sum(isinstance(m, SpatialAttention) for m in row.modules()) for row in paper.rows]
    assert attentions == [0, 0, 3, 0, 3, 0, 1]
    mixed = [sum(isinstance(m, MixedDepthwise) for m in row.modules()) for row in paper.rows]
    assert mixed == [0, 0, 3, 4, 3, 3, 1]


def test_every_norm_has_the_settings(paper: MBlitenet) -> None:
    norms = [m for m in paper.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.03, 1e-3)}


def test_initial_signal_neither_vanishes_nor_explodes() -> None:
    torch.manual_seed(0)
    paper = instantiate(OmegaConf.load(CONF_DIR / "backbone" / "mblitenet.yaml"), _convert_="all")
    maps = paper(torch.randn(2, 3, 128, 128))
    assert all(0.05 < level.std().item() < 20 for level in maps)


def test_levels_follow_the_rows_that_are_marked() -> None:
    rows = [ROW, ROW | {"level": False}, ROW | {"channels": 6, "stride": 1}]
    net = small(rows=rows)
    assert net.out_channels == (4, 6, 8, 6)
    assert net.strides == (4, 8, 8, 16)
    assert [tuple(m.shape[1:]) for m in net(torch.zeros(2, 3, 64, 64))] == [
        (4, 16, 16),
        (6, 8, 8),
        (8, 8, 8),
        (6, 4, 4),
    ]


@pytest.mark.parametrize("block", ["bottleneck", "mix", "attentive"])
@pytest.mark.parametrize("expansion", [1, 2])
def test_every_parameter_gets_a_gradient(block: str, expansion: int) -> None:
    net = small(rows=[ROW | {"block": block, "expansion": expansion, "repeats": 2}])
    sum(level.square().sum() for level in net(torch.randn(2, 3, 64, 64))).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_residual_only_where_the_shape_stays() -> None:
    def block(channels: int, stride: int) -> InvertedResidual:
        return InvertedResidual(4, Row("bottleneck", 2, channels, 1, stride), stride, (3, 5), 7, 0.03, 1e-3)

    assert [block(4, 1).residual, block(4, 2).residual, block(6, 1).residual] == [True, False, False]
    zero = block(4, 1).eval()
    torch.nn.init.zeros_(zero.layers[-1][-1].weight)  # type: ignore[index]
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(zero(x), x)


def test_mixed_depthwise_convolves_the_halves_apart() -> None:
    layer = MixedDepthwise(4, (3, 5), stride=1)
    assert [tuple(part.weight.shape) for part in layer.parts] == [(2, 1, 3, 3), (2, 1, 5, 5)]  # type: ignore[arg-type]
    x = torch.randn(1, 4, 6, 6)
    torch.testing.assert_close(layer(x)[:, :2], layer.parts[0](x[:, :2]))
    torch.testing.assert_close(layer(x)[:, 2:], layer.parts[1](x[:, 2:]))


def test_attention_weights_places_by_their_mean_and_maximum() -> None:
    layer = SpatialAttention(7)
    torch.nn.init.zeros_(layer.weigh.weight)
    layer.weigh.weight.data[0, :, 3, 3] = torch.tensor([1.0, 2.0])
    x = torch.rand(1, 3, 4, 4)
    expected = x * torch.sigmoid(x.mean(1, keepdim=True) + 2 * x.amax(1, keepdim=True))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": [ROW | {"block": "mixed"}]}, "bottleneck, mix, attentive but got 'mixed'"),
        ({"rows": [ROW | {"chanels": 4}]}, "Expected a row with the keys"),
        ({"rows": [{"block": "mix"}]}, "Expected a row with the keys"),
        ({"rows": [ROW | {"repeats": 0}]}, "repeats to be 1 or more but got 0"),
        ({"rows": [ROW | {"stride": 3}]}, "stride of 1 or 2 in the row of the backbone but got 3"),
        ({"mix_kernels": [3, 5, 7]}, "split evenly over the kernels"),
        ({"mix_kernels": []}, "split evenly over the kernels"),
        ({"mix_kernels": [3, 4]}, "odd kernel size but got 4"),
        ({"stem": []}, "Expected the stem"),
        ({"stem": [{"channels": 4}]}, "Expected the stem"),
        ({"stem": [{"channels": 4, "stride": 4}]}, "in the stem of the backbone but got 4"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)
