"""Feature extractors of timm as backbones."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from lightweight_ssd.backbone.timm import TimmBackbone
from lightweight_ssd.config.paths import CONF_DIR

EXTRA = [{"reduction": 4, "channels": 8}]


@pytest.fixture(scope="module")
def default() -> TimmBackbone:
    return instantiate(OmegaConf.load(CONF_DIR / "backbone" / "timm.yaml"), _convert_="all")


def test_default_has_five_levels(default: TimmBackbone) -> None:
    assert default.out_channels == (40, 112, 960, 512, 256)
    assert default.strides == (8, 16, 32, 64, 128)
    with torch.no_grad():
        maps = default.eval()(torch.zeros(1, 3, 300, 300))
    sizes = (38, 19, 10, 5, 3)
    assert [tuple(x.shape) for x in maps] == [(1, c, s, s) for c, s in zip(default.out_channels, sizes, strict=True)]


def test_default_trains_on_small_images(default: TimmBackbone) -> None:
    maps = default.train()(torch.randn(2, 3, 96, 96))
    assert [x.shape[-1] for x in maps] == [12, 6, 3, 2, 1]
    assert all(level.isfinite().all() for level in maps)


def test_every_norm_has_the_settings(default: TimmBackbone) -> None:
    norms = [module for module in default.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.03, 1e-3)}


@pytest.mark.parametrize("model", ["test_efficientnet", "mobilenetv3_small_050", "test_resnet", "test_convnext"])
@pytest.mark.parametrize("level_strides", [(8,), (8, 16), (16, 32)])
def test_levels_are_those_asked_for_and_nothing_is_left_over(model: str, level_strides: tuple[int, ...]) -> None:
    """timm keeps the stages above the last level in some networks; their weights would get no gradient."""
    net = TimmBackbone(model, level_strides, EXTRA)
    maps = net(torch.randn(2, 3, 128, 96))
    assert net.strides == (*level_strides, level_strides[-1] * 2)
    assert [tuple(x.shape[1:]) for x in maps] == [
        (channels, 128 // stride, -(-96 // stride))
        for channels, stride in zip(net.out_channels, net.strides, strict=True)
    ]
    sum(level.square().sum() for level in maps).backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


def test_levels_are_channels_first() -> None:
    net = TimmBackbone("test_mambaout", (16, 32), EXTRA).eval()
    with torch.no_grad():
        maps = net(torch.randn(1, 3, 64, 96))
    assert [tuple(x.shape) for x in maps] == [
        (1, channels, *size) for channels, size in zip(net.out_channels, [(4, 6), (2, 3), (1, 2)], strict=True)
    ]


def test_weights_of_a_file_reach_the_levels(tmp_path: Path) -> None:
    whole = timm.create_model("test_efficientnet", pretrained=False).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    net = TimmBackbone("test_efficientnet", (8, 16), EXTRA, str(tmp_path / "weights.pth")).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected: Any = whole.forward_intermediates(x, intermediates_only=True)  # type: ignore[operator]
        levels = net(x)
    for level, other in zip(levels[:2], expected[2:4], strict=True):
        torch.testing.assert_close(level, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "test_resnett"}, "the name of a network of timm but got 'test_resnett'"),
        (
            {"level_strides": (8, 64)},
            r"level_strides of test_resnet among \[2, 4, 8, 16, 32\], rising, but got \[8, 64",
        ),
        ({"level_strides": (16, 8)}, r"rising, but got \[16, 8\]"),
        ({"level_strides": ()}, r"rising, but got \[\]"),
        ({"model": "test_vit", "level_strides": (16,)}, "images of any size but test_vit takes one size only"),
        ({"extra": [{"channels": 8}]}, "each extra layer of the backbone"),
    ],
)
def test_mistakes_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimmBackbone(**{"model": "test_resnet"} | arguments)
