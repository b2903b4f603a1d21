import pytest
import torch
from torchvision.ops import generalized_box_iou_loss

from lightweight_ssd.loss.giou import GIoU


def test_by_hand():
    pred, target = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
    assert GIoU.space == "boxes"
    assert GIoU()(pred, target).item() == pytest.approx(1 - 50 / 550 + (750 - 550) / 750)


def test_far_apart_it_nears_two():
    assert GIoU()(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([1e3, 1e3, 1001, 1001])).item() > 1.99999


def test_boxes_without_area_on_one_line_cost_one():
    assert GIoU()(torch.tensor([0.0, 5.0, 10.0, 5.0]), torch.tensor([20.0, 5.0, 40.0, 5.0])).item() == 1


def test_equals_torchvision():
    corners = torch.rand(2, 200, 4, generator=torch.Generator().manual_seed(0)) * 100
    pred, target = torch.cat([corners[..., :2], corners[..., :2] + corners[..., 2:] + 1], dim=-1)
    torch.testing.assert_close(GIoU()(pred, target), generalized_box_iou_loss(pred, target), rtol=1e-5, atol=1e-5)
