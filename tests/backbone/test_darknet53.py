"""Darknet-53: count, levels, slope, width."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from lightweight_ssd.backbone.darknet53 import Darknet53


def test_parameters_levels_and_slope() -> None:
    with torch.device("meta"):
        net = Darknet53()
        maps = net(torch.zeros(1, 3, 300, 300))
    assert sum(p.numel() for p in net.parameters()) == 40_584_928
    assert net.out_channels == (256, 512, 1024) and net.strides == (8, 16, 32)
    assert [tuple(level.shape) for level in maps] == [(1, 256, 38, 38), (1, 512, 19, 19), (1, 1024, 10, 10)]
    modules = list(net.modules())
    assert sum(isinstance(m, nn.Conv2d) for m in modules) == sum(isinstance(m, nn.LeakyReLU) for m in modules) == 52
    assert {m.negative_slope for m in modules if isinstance(m, nn.LeakyReLU)} == {0.1}
    assert {(m.momentum, m.eps) for m in modules if isinstance(m, nn.BatchNorm2d)} == {(0.03, 1e-5)}


def test_a_narrow_one_trains_on_odd_sizes_and_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    net = Darknet53(width=1 / 32)
    assert net.out_channels == (8, 16, 32)
    for module in net.modules():  # timm starts the residual units at 0, so that the first step passes them by
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    maps = net(torch.randn(2, 3, 70, 45))
    assert [tuple(level.shape[-2:]) for level in maps] == [(9, 6), (5, 3), (3, 2)]
    torch.stack([(level * torch.randn_like(level)).sum() for level in maps]).sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.slow
def test_levels_are_those_of_the_network_of_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = timm.create_model("darknet53", pretrained=False).eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    net = Darknet53(weights=str(tmp_path / "weights.pth"), slope=0.01).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(x, intermediates_only=True)[-3:]  # type: ignore[operator]
        for found, level in zip(net(x), expected, strict=True):
            torch.testing.assert_close(found, level)


def test_a_width_of_nothing_is_named() -> None:
    with pytest.raises(ValueError, match=r"backbone.width above 0 but got 0.0"):
        Darknet53(width=0.0)
