import pytest
import torch
from torchvision.ops import distance_box_iou_loss

from lightweight_ssd.loss.diou import DIoU


def test_equation_6_by_hand():
    # Centers (20, 15) and (30, 25); the box around both is 30 wide and 25 high.
    pred, target = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
    assert DIoU.space == "boxes"
    assert DIoU()(pred, target).item() == pytest.approx(1 - 50 / 550 + (10**2 + 10**2) / (30**2 + 25**2))


def test_same_center_costs_the_overlap_alone():
    pred, target = torch.tensor([0.0, 0.0, 40.0, 20.0]), torch.tensor([10.0, 5.0, 30.0, 15.0])
    assert DIoU()(pred, target).item() == pytest.approx(0.75)


def test_equals_torchvision():
    corners = torch.rand(2, 200, 4, generator=torch.Generator().manual_seed(0)) * 100
    pred, target = torch.cat([corners[..., :2], corners[..., :2] + corners[..., 2:] + 1], dim=-1)
    torch.testing.assert_close(DIoU()(pred, target), distance_box_iou_loss(pred, target), rtol=1e-5, atol=1e-5)
