"""YOLO Nano's backbone against the counts of the readings of its figure."""

import pytest
import torch
from torch import nn

from lightweight_ssd.backbone.yolo_nano import YOLONano
from lightweight_ssd.layers.yolo_nano import EP, PEP, Factors, stack
from lightweight_ssd.neck.yolo_nano import YOLONanoNeck

HEAD = 55_575  # 75 outputs on the three levels of the neck, with 20 classes


def test_counts_and_levels() -> None:
    with torch.device("meta"):
        net = YOLONano()
        maps = net(torch.zeros(1, 3, 300, 300))
    assert sum(parameter.numel() for parameter in net.parameters()) == 3_927_698
    assert net.out_channels == (150, 325, 189) and net.strides == (8, 16, 32)
    assert [tuple(level.shape) for level in maps] == [(1, 150, 38, 38), (1, 325, 19, 19), (1, 189, 10, 10)]


@pytest.mark.parametrize(("expansion", "millions"), [(1.0, 2.89), (2.0, 4.66), (3.0, 6.43)])
def test_readings_of_the_figure(expansion: float, millions: float) -> None:
    factors = {"ep_expansion": expansion, "pep_expansion": expansion}
    with torch.device("meta"):
        net = YOLONano(**factors)
        parts = (net, YOLONanoNeck(net.out_channels, **factors))
    count = HEAD + sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert round(count / 1e6, 2) == millions


def test_blocks_are_those_of_the_figure() -> None:
    """The input is added where size and channels are the same; the last 1×1 convolution is linear."""
    torch.manual_seed(0)
    factors = Factors(1.0, 2.0, 3.0, 0.03, 1e-5)
    same, halved, widened = stack(6, [PEP(3, 6), EP(6, 2), EP(8)], factors).eval()
    convs = [[(m.out_channels, m.groups, m.stride[0]) for m in block.modules() if isinstance(m, nn.Conv2d)]
             for block in (same, halved, widened)]  # fmt: skip
    assert convs == [[(3, 1, 1), (9, 1, 1), (9, 9, 1), (6, 1, 1)], [(12, 1, 1), (12, 12, 2), (6, 1, 1)],
                     [(12, 1, 1), (12, 12, 1), (8, 1, 1)]]  # fmt: skip
    x = torch.randn(2, 6, 8, 8)
    torch.testing.assert_close(same(x) - x, same.project(same.depthwise(same.expand(same.reduce(x)))))
    assert halved(x).shape == (2, 6, 4, 4) and halved(x).min() < 0
    assert sum(isinstance(m, nn.ReLU6) for m in same.modules()) == 3


def test_odd_sizes_an_empty_batch_and_gradients() -> None:
    torch.manual_seed(0)
    net = YOLONano(width=0.2)
    assert [tuple(level.shape[2:]) for level in net.eval()(torch.zeros(0, 3, 100, 33))] == [(13, 5), (7, 3), (4, 2)]
    sum((level * torch.randn_like(level)).sum() for level in net.train()(torch.randn(4, 3, 100, 100))).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
