"""Darknet-19 against the counts and the layers of Darknet's configuration."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lightweight_ssd.backbone.darknet19 import Darknet19

LAYERS = (  # (channels, kernel) of `yolov2-voc.cfg` up to its last 512-channel pair; None = max pooling
    *((32, 3), None, (64, 3), None, (128, 3), (64, 1), (128, 3), None, (256, 3), (128, 1), (256, 3), None),
    *((512, 3), (256, 1), (512, 3), (256, 1), (512, 3), None),
    *((1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3)),
)


def test_counts_and_levels() -> None:
    with torch.device("meta"):
        net = Darknet19()
        maps = net(torch.zeros(1, 3, 544, 544))
    assert sum(parameter.numel() for parameter in net.parameters()) == 19_817_376
    assert net.out_channels == (512, 1024) and net.strides == (16, 32)
    assert [tuple(level.shape) for level in maps] == [(1, 512, 34, 34), (1, 1024, 17, 17)]
    convs = [(m.out_channels, m.kernel_size[0]) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert convs == [layer for layer in LAYERS if layer]
    assert {(m.momentum, m.eps) for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {(0.03, 1e-5)}
    assert {m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}


def test_layers_written_out() -> None:
    torch.manual_seed(0)
    net = Darknet19(width=0.1).eval()
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    x = torch.rand(1, 3, 64, 96)
    found, maps, taken = net(x), [], iter(convs)
    for layer in LAYERS:
        if layer is None:
            maps.append(x)
            x = F.max_pool2d(x, 2, 2)
        else:  # at the start each normalization divides by √(1 + eps) alone
            x = F.leaky_relu(F.conv2d(x, next(taken).weight, padding=layer[1] // 2) / (1 + 1e-5) ** 0.5, 0.1)
    torch.testing.assert_close(found, [maps[-1], x])


def test_odd_sizes_and_an_empty_batch() -> None:
    net = Darknet19(width=0.05).eval()
    for batch in (0, 1):
        assert [tuple(level.shape[2:]) for level in net(torch.zeros(batch, 3, 100, 33))] == [(7, 3), (4, 2)]


def test_every_parameter_gets_a_gradient() -> None:
    net = Darknet19(width=0.05)
    sum((level * torch.randn_like(level)).sum() for level in net(torch.randn(2, 3, 64, 64))).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"width of a network above 0 but got 0\.0"):
        Darknet19(width=0.0)
