"""Tiny YOLOv3's neck against its layers written out."""

import pytest
import torch
from torch.nn import functional as F

from lightweight_ssd.neck.tiny_yolov3 import TinyYOLOv3Neck


def test_count_and_channels() -> None:
    with torch.device("meta"):
        neck = TinyYOLOv3Neck((256, 1024))
    assert sum(parameter.numel() for parameter in neck.parameters()) == 2_361_600
    assert neck.out_channels == (256, 512)


@pytest.mark.parametrize("batch", [0, 2])
def test_layers_written_out(batch: int) -> None:
    torch.manual_seed(0)
    neck = TinyYOLOv3Neck((5, 7), width=0.03).eval()
    fine, coarse = torch.randn(batch, 5, 9, 7), torch.randn(batch, 7, 5, 4)
    top = neck.top(coarse)
    enlarged = F.interpolate(neck.side(top), size=(9, 7))
    found = neck([fine, coarse])
    torch.testing.assert_close(found, [neck.fine(torch.cat([enlarged, fine], dim=1)), neck.coarse(top)])
    assert [tuple(level.shape) for level in found] == [(batch, 8, 9, 7), (batch, 15, 5, 4)]


def test_every_parameter_gets_a_gradient() -> None:
    neck = TinyYOLOv3Neck((5, 7), width=0.03)
    sum(out.square().sum() for out in neck([torch.randn(2, 5, 4, 4), torch.randn(2, 7, 2, 2)])).backward()
    assert [name for name, p in neck.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_another_number_of_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="two levels for neck=tiny_yolov3 but got 6; give backbone=tiny_darknet_two"):
        TinyYOLOv3Neck((3,) * 6)
