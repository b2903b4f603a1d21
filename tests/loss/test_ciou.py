import math

import pytest
import torch
from torch import Tensor
from torchvision.ops import complete_box_iou_loss

from lightweight_ssd.loss.ciou import CIoU


def random_pairs(count: int) -> tuple[Tensor, Tensor]:
    corners = torch.rand(2, count, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 100
    pred, target = torch.cat([corners[..., :2], corners[..., :2] + corners[..., 2:] + 1], dim=-1)
    return pred, target


def test_equation_7_by_hand():
    # Sizes 20 × 10 and 20 × 20, centers (20, 15) and (30, 25); the box around both is 30 wide and 25 high.
    pred, target = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
    iou, v = 50 / 550, 4 / math.pi**2 * (math.atan(20 / 20) - math.atan(20 / 10)) ** 2
    expected = 1 - iou + 200 / 1525 + v / ((1 - iou) + v) * v
    assert CIoU.space == "boxes"
    assert CIoU()(pred, target).item() == pytest.approx(expected)


def test_equal_aspect_costs_overlap_and_distance_alone():
    pred, target = torch.tensor([0.0, 0.0, 40.0, 20.0]), torch.tensor([10.0, 5.0, 30.0, 15.0])
    assert CIoU()(pred, target).item() == pytest.approx(0.75)


def test_values_and_gradients_equal_torchvision():
    pred, target = random_pairs(200)
    pred.requires_grad_()
    ours, theirs = CIoU()(pred, target), complete_box_iou_loss(pred, target)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    (our_gradient,) = torch.autograd.grad(ours.sum(), pred)
    (their_gradient,) = torch.autograd.grad(theirs.sum(), pred)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-4, atol=1e-6)


def test_gradient_holds_alpha_constant():
    pred, target = torch.tensor([10.0, 10.0, 30.0, 20.0]).double(), torch.tensor([20.0, 15.0, 40.0, 35.0]).double()

    def with_alpha_of(constant: Tensor, boxes: Tensor) -> Tensor:
        """The loss by hand with α taken from other boxes: what differentiating with a constant α means."""
        v = [4 / math.pi**2 * (math.pi / 4 - ((b[2] - b[0]) / (b[3] - b[1])).atan()) ** 2 for b in (boxes, constant)]
        inter = [(b[2] - 20) * (b[3] - 15) for b in (boxes, constant)]
        sizes = [(b[2] - b[0]) * (b[3] - b[1]) + 400 for b in (boxes, constant)]
        iou = [i / (s - i) for i, s in zip(inter, sizes, strict=True)]
        distance = ((boxes[0] + boxes[2]) / 2 - 30) ** 2 + ((boxes[1] + boxes[3]) / 2 - 25) ** 2
        diagonal = (40 - boxes[0]) ** 2 + (35 - boxes[1]) ** 2
        return 1 - iou[0] + distance / diagonal + v[1] / (1 - iou[1] + v[1]) * v[0]

    variable = pred.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda boxes: with_alpha_of(pred, boxes), variable)
    (expected,) = torch.autograd.grad(with_alpha_of(pred, variable), variable)
    (gradient,) = torch.autograd.grad(CIoU()(variable, target), variable)
    torch.testing.assert_close(gradient, expected)
