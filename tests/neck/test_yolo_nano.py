"""YOLO Nano's neck against its figure."""

import pytest
import torch
from torch.nn import functional as F

from lightweight_ssd.neck.yolo_nano import YOLONanoNeck


def test_count_and_channels() -> None:
    with torch.device("meta"):
        neck = YOLONanoNeck((150, 325, 189))
    assert sum(parameter.numel() for parameter in neck.parameters()) == 677_839
    assert neck.out_channels == (93, 183, 462)


@pytest.mark.parametrize("batch", [0, 2])
def test_levels_written_out(batch: int) -> None:
    torch.manual_seed(0)
    neck = YOLONanoNeck((5, 7, 6), width=0.05).eval()
    fine, middle, coarse = torch.randn(batch, 5, 9, 7), torch.randn(batch, 7, 5, 4), torch.randn(batch, 6, 3, 2)
    joined = neck.middle(torch.cat([F.interpolate(neck.top(coarse), size=(5, 4)), middle], dim=1))
    finest = torch.cat([F.interpolate(neck.side(joined), size=(9, 7)), fine], dim=1)
    found = neck([fine, middle, coarse])
    torch.testing.assert_close(found, [neck.outputs[0](finest), neck.outputs[1](joined), neck.outputs[2](coarse)])
    assert [tuple(level.shape) for level in found] == [(batch, 5, 9, 7), (batch, 9, 5, 4), (batch, 23, 3, 2)]


def test_every_parameter_gets_a_gradient() -> None:
    torch.manual_seed(0)
    neck = YOLONanoNeck((5, 7, 6), width=0.1)
    maps = [torch.randn(2, 5, 8, 8), torch.randn(2, 7, 4, 4), torch.randn(2, 6, 2, 2)]
    sum((out * torch.randn_like(out)).sum() for out in neck(maps)).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_another_number_of_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="three levels for neck=yolo_nano but got 2"):
        YOLONanoNeck((3, 4))
