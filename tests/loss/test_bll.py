import pytest
import torch

from lightweight_ssd.loss.bll import BLL

# Centers (20, 15) and (30, 25), sizes 20 × 10 and 20 × 20; the box around both is 30 wide and 25 high.
PRED, TARGET = torch.tensor([10.0, 10.0, 30.0, 20.0]), torch.tensor([20.0, 15.0, 40.0, 35.0])
DIFFERENCES = (10, 10, 0, 10)
DIAGONAL = (30**2 + 25**2) ** 0.5


def test_equation_8_by_hand():
    expected = 1 - 50 / 550 + sum(d**2 for d in DIFFERENCES) / DIAGONAL**2
    assert BLL.space == "boxes"
    assert BLL()(PRED, TARGET).item() == pytest.approx(expected)


def test_smooth_l1_by_hand():
    relative = [d / DIAGONAL for d in DIFFERENCES]  # 0.256: beyond 0.2, short of 0.5
    linear = sum(d - 0.1 if d > 0.2 else d**2 / 0.4 for d in relative)
    quadratic = sum(d**2 for d in relative) / (2 * 0.5)
    for beta, distance in ((0.2, linear), (0.5, quadratic)):
        assert BLL(distance="smooth_l1", beta=beta)(PRED, TARGET).item() == pytest.approx(1 - 50 / 550 + distance)


@pytest.mark.parametrize("distance", ["l2", "smooth_l1"])
def test_disjoint_boxes_are_drawn_together(distance: str):
    pred = torch.tensor([0.0, 0.0, 10.0, 10.0], requires_grad=True)
    BLL(distance=distance)(pred, torch.tensor([50.0, 0.0, 60.0, 10.0])).backward()
    assert pred.grad is not None
    assert pred.grad[0] + pred.grad[2] < 0


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"distance": "l1"}, "got 'l1'"), ({"beta": 0.0}, "beta to be above 0")]
)
def test_bad_parameters_are_named(kwargs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        BLL(**kwargs)
