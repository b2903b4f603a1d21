import pytest
import torch
import torchvision
from torch import Tensor

from lightweight_ssd.ops.boxes import (
    area,
    cxcywh_to_xyxy,
    elementwise_iou,
    enclosing_box,
    intersection_and_union,
    pairwise_iou,
    squared_diagonal,
    xyxy_to_cxcywh,
)


def random_boxes(*shape: int, seed: int = 0) -> Tensor:
    corners = torch.rand(*shape, 2, 2, generator=torch.Generator().manual_seed(seed)) * 300
    return torch.cat([corners.amin(dim=-2), corners.amax(dim=-2)], dim=-1)


def test_no_boxes_keep_the_documented_shapes():
    none = torch.zeros(0, 4)
    assert xyxy_to_cxcywh(none).shape == cxcywh_to_xyxy(none).shape == enclosing_box(none, none).shape == (0, 4)
    assert area(none).shape == elementwise_iou(none, none).shape == squared_diagonal(none).shape == (0,)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_pairwise_iou_of_nothing(n: int, m: int):
    assert pairwise_iou(torch.zeros(n, 4), torch.zeros(m, 4)).shape == (n, m)


def test_formats_are_inverse():
    boxes = random_boxes(3, 20).double()
    torch.testing.assert_close(cxcywh_to_xyxy(xyxy_to_cxcywh(boxes)), boxes)


def test_areas_and_overlap_by_hand():
    first, second = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
    intersection, union = intersection_and_union(first, second)
    assert (area(first).item(), area(second).item()) == (200, 400)
    assert (intersection.item(), union.item()) == (50, 550)
    assert elementwise_iou(first, second).item() == pytest.approx(1 / 11)
    assert enclosing_box(first, second).tolist() == [10, 10, 40, 35]
    assert squared_diagonal(enclosing_box(first, second)).item() == 30**2 + 25**2


def test_pairwise_iou_equals_torchvision():
    first, second = random_boxes(30, seed=1), random_boxes(40, seed=2)
    torch.testing.assert_close(pairwise_iou(first, second), torchvision.ops.box_iou(first, second))


def test_pairwise_iou_broadcasts_leading_dimensions():
    first, second = random_boxes(5, 6, seed=1), random_boxes(7, seed=2)
    batched = pairwise_iou(first, second)
    assert batched.shape == (5, 6, 7)
    torch.testing.assert_close(batched[3], pairwise_iou(first[3], second))
    torch.testing.assert_close(pairwise_iou(second, first), batched.mT)


def test_touching_boxes_do_not_overlap():
    assert elementwise_iou(torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([1.0, 0.0, 2.0, 1.0])).item() == 0


def test_identical_boxes_have_iou_exactly_one():
    boxes = random_boxes(100)
    assert torch.equal(elementwise_iou(boxes, boxes), torch.ones(100))


@pytest.mark.parametrize("box", [[5.0, 5.0, 5.0, 5.0], [2.0, 5.0, 8.0, 5.0], [8.0, 8.0, 2.0, 2.0], [0.0] * 4])
def test_boxes_without_area_have_iou_zero_and_finite_gradients(box: list[float]):
    pred = torch.tensor(box, requires_grad=True)
    for target in (torch.tensor(box), torch.tensor([0.0, 0.0, 10.0, 10.0])):
        iou = elementwise_iou(pred, target)
        assert iou.item() == 0
        (gradient,) = torch.autograd.grad(iou, pred)
        assert gradient.isfinite().all()


def test_enclosing_box_holds_inverted_boxes():
    inverted, upright = torch.tensor([9.0, 9.0, 1.0, 2.0]), torch.tensor([4.0, 4.0, 5.0, 5.0])
    assert enclosing_box(inverted, upright).tolist() == [1, 2, 9, 9]
