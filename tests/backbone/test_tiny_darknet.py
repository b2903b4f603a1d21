"""The backbones of the two Tiny YOLOs against the counts and the layers of Darknet's configurations."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightweight_ssd.backbone.tiny_darknet import TinyDarknet

V2: dict[str, Any] = {}
V3: dict[str, Any] = {"deep": [1024], "level_strides": [16, 32]}


@pytest.mark.parametrize(
    ("options", "count", "channels", "strides"),
    [(V2, 15_733_648, (1024,), (32,)), (V3, 6_294_416, (256, 1024), (16, 32))],
)
def test_counts_and_levels(
    options: dict[str, Any], count: int, channels: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        net = TinyDarknet(**options)
        maps = net(torch.zeros(1, 3, 416, 416))
    assert sum(parameter.numel() for parameter in net.parameters()) == count
    assert net.out_channels == channels and net.strides == strides
    assert [tuple(level.shape) for level in maps] == [
        (1, c, 416 // s, 416 // s) for c, s in zip(channels, strides, strict=True)
    ]


@pytest.mark.parametrize("options", [V2, V3])
def test_layers_written_out(options: dict[str, Any]) -> None:
    """With the pooling of stride 1 as Darknet has it: nothing lies beyond the right and lower edge."""
    torch.manual_seed(0)
    net = TinyDarknet(**options, width=0.1).eval()
    x = torch.rand(1, 3, 64, 96)
    found, maps = net(x), []
    for index, conv in enumerate(m for m in net.modules() if isinstance(m, nn.Conv2d)):
        x = F.leaky_relu(F.conv2d(x, conv.weight, padding=1) / (1 + 1e-5) ** 0.5, 0.1)
        maps.append(x)
        if index < 5:
            x = F.max_pool2d(x, 2, 2)
        elif index == 5:
            x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, 1)
    torch.testing.assert_close(found, [maps[4], x] if options else [x])


@pytest.mark.parametrize("options", [V2, V3])
def test_odd_sizes_an_empty_batch_and_gradients(options: dict[str, Any]) -> None:
    net = TinyDarknet(**options, width=0.1)
    sizes = [(7, 3), (4, 2)][-len(net.strides) :]
    assert [tuple(level.shape[2:]) for level in net.eval()(torch.zeros(0, 3, 100, 33))] == sizes
    maps: list[Tensor] = net.train()(torch.randn(2, 3, 100, 64))
    sum((level * torch.randn_like(level)).sum() for level in maps).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deep": []}, "one deep convolution of Tiny Darknet or more but got none"),
        ({"level_strides": [16]}, "the last of them 32, but got \\[16\\]"),
        ({"level_strides": [12, 32]}, "the last of them 32, but got \\[12, 32\\]"),
        ({"width": -1.0}, "above 0 but got -1.0"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TinyDarknet(**options)
