import pytest
import torch

from lightweight_ssd.loss.iou import IoU


def test_by_hand():
    pred, target = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
    assert IoU.space == "boxes"
    assert IoU()(pred, target).item() == pytest.approx(1 - 50 / 550)


def test_disjoint_boxes_cost_one_without_gradient():
    pred = torch.tensor([0.0, 0.0, 10.0, 10.0], requires_grad=True)
    value = IoU()(pred, torch.tensor([20.0, 20.0, 30.0, 30.0]))
    value.backward()
    assert value.item() == 1
    assert pred.grad is not None
    assert pred.grad.tolist() == [0, 0, 0, 0]
