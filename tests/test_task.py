"""What the LightningModule itself decides: which weights decay, the rate, and the way back to image pixels."""

import pytest
import torch
from torch import nn

from lightweight_ssd.task import parameter_groups, to_original_pixels
from lightweight_ssd.types import Detections
from tests.command_line import tiny_checkpoint


def test_weight_decay_acts_on_convolution_weights_only(tmp_path) -> None:
    detector, _ = tiny_checkpoint(tmp_path / "tiny.ckpt")
    decayed, rest = parameter_groups(detector)
    assert {parameter.ndim for parameter in decayed["params"]} == {4}
    assert {parameter.ndim for parameter in rest["params"]} == {1} and rest["weight_decay"] == 0
    assert len(decayed["params"]) + len(rest["params"]) == len(list(detector.parameters()))


def test_a_shared_convolution_stands_once() -> None:
    layer = nn.Conv2d(1, 1, 1)
    groups = parameter_groups(nn.Sequential(layer, layer))
    assert [len(group["params"]) for group in groups] == [1, 1]


@pytest.mark.parametrize("found", [0, 2])
def test_boxes_go_back_to_the_image_file(found: int) -> None:
    boxes = torch.tensor([[30.0, 60.0, 150.0, 300.0]] * found).reshape(-1, 4)
    detections = Detections(boxes, torch.ones(found), torch.zeros(found).long())
    scaled = to_original_pixels(detections, (300, 300), (600, 200)).boxes
    assert scaled.tolist() == [[20.0, 120.0, 100.0, 600.0]] * found
