"""What every localization loss promises, whatever its formula: finite values and gradients for every box."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lightweight_ssd.loss.bll import BLL
from lightweight_ssd.loss.ciou import CIoU
from lightweight_ssd.loss.diou import DIoU
from lightweight_ssd.loss.giou import GIoU
from lightweight_ssd.loss.iou import IoU
from lightweight_ssd.loss.l2 import L2
from lightweight_ssd.loss.smooth_l1 import SmoothL1
from lightweight_ssd.ops.boxes import cxcywh_to_xyxy

BOX_LOSSES: dict[str, Callable[[], nn.Module]] = {
    "iou": IoU,
    "giou": GIoU,
    "diou": DIoU,
    "ciou": CIoU,
    "bll": BLL,
    "bll_smooth_l1": lambda: BLL(distance="smooth_l1"),
}
LOSSES: dict[str, Callable[[], nn.Module]] = {**BOX_LOSSES, "l2": L2, "smooth_l1": SmoothL1}

HARD_PAIRS = {
    "identical": ([10, 10, 50, 40], [10, 10, 50, 40]),
    "disjoint": ([0, 0, 10, 10], [200, 200, 250, 260]),
    "touching": ([0, 0, 10, 10], [10, 0, 20, 10]),
    "nested": ([0, 0, 100, 100], [40, 40, 60, 60]),
    "point in box": ([20, 20, 20, 20], [0, 0, 50, 50]),
    "two lines": ([0, 5, 10, 5], [20, 5, 40, 5]),
    "same point": ([5, 5, 5, 5], [5, 5, 5, 5]),
    "same point at zero": ([0, 0, 0, 0], [0, 0, 0, 0]),
    "other points": ([5, 5, 5, 5], [6, 6, 6, 6]),
    "minute": ([0, 0, 1e-20, 1e-20], [0, 0, 1e-19, 1e-20]),
    "minute apart": ([0, 0, 1e-12, 1e-5], [1e-6, 0, 2e-6, 1e-12]),
    "inverted": ([50, 40, 10, 10], [10, 10, 50, 40]),
    "both inverted": ([50, 40, 10, 10], [300, 300, 200, 299]),
    "huge": ([-1e6, -1e6, 1e6, 1e6], [-1e6, -5e5, 1e6, 1e6]),
    "huge and far": ([1e6, 1e6, 1e6 + 1, 1e6 + 1], [-1e6, -1e6, 0, 0]),
    "huge and flat": ([-1e6, 0, 1e6, 0], [0, -1e6, 0, 1e6]),
    "huge and inverted": ([1e6, 1e6, -1e6, -1e6], [0, 0, 1, 1]),
}


def pairs(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Overlapping boxes in float64 whose edges and differences lie far from every kink."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.cat([torch.rand(count, 2, generator=generator) * 20, torch.full((count, 2), 30.0)], dim=-1).double()
    shift = torch.rand(count, 4, generator=generator).double() * 4 + torch.tensor([1.0, 1.0, 3.0, 14.0])
    return cxcywh_to_xyxy(target + shift), cxcywh_to_xyxy(target)


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (3, 5), ()])
def test_one_value_per_pair(make: Callable[[], nn.Module], shape: tuple[int, ...]):
    assert make()(torch.rand(*shape, 4), torch.rand(*shape, 4)).shape == shape


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("pair", HARD_PAIRS.values(), ids=HARD_PAIRS)
def test_finite_values_and_gradients(make: Callable[[], nn.Module], pair: tuple[list[float], list[float]]):
    pred, target = (torch.tensor(box, dtype=torch.float32, requires_grad=True) for box in pair)
    value = make()(pred, target)
    gradients = torch.autograd.grad(value, (pred, target), allow_unused=False)
    assert value.isfinite()
    assert value >= 0
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
def test_identical_boxes_cost_nothing(make: Callable[[], nn.Module]):
    boxes = pairs(20)[0].float()
    torch.testing.assert_close(make()(boxes, boxes), torch.zeros(20), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"ciou"}))  # α is a constant in its gradient: see test_ciou
def test_gradients_in_float64(name: str):
    pred, target = pairs(5)
    loss = LOSSES[name]()
    assert loss(pred, target).dtype == torch.float64
    assert torch.autograd.gradcheck(loss, (pred.requires_grad_(), target.requires_grad_()))


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_float32_within_autocast(make: Callable[[], nn.Module], half: torch.dtype):
    pred, target = (boxes.to(half) for boxes in pairs(20))
    loss = make()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(pred, target)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(pred.float(), target.float()))


@pytest.mark.parametrize("make", BOX_LOSSES.values(), ids=BOX_LOSSES)
@pytest.mark.parametrize("scale", [1e-2, 0.5, 1e4])
def test_box_losses_are_invariant_to_scale(make: Callable[[], nn.Module], scale: float):
    pred, target = pairs(50)
    torch.testing.assert_close(make()(pred * scale, target * scale), make()(pred, target))


@pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
def test_descent_brings_the_boxes_together(make: Callable[[], nn.Module]):
    pred, target = pairs(10)
    loss = make()
    pred.requires_grad_()
    before = loss(pred, target)
    (gradient,) = torch.autograd.grad(before.sum(), pred)
    step = 1e-3 * gradient / gradient.norm(dim=-1, keepdim=True)
    assert (loss(pred - step, target) < before).all()
