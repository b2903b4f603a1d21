"""YOLO's localization loss by hand."""

import math

import pytest
import torch

from lightweight_ssd.loss.yolo import YOLOLoss

PRED = torch.tensor([0.0, math.log(3), 1.0, -2.0])
TARGET = torch.tensor([math.log(3), math.log(3), 0.5, 0.0])
SIDES = (0.5**2 + 2.0**2) / 2


def test_squared_by_hand() -> None:
    assert YOLOLoss("squared")(PRED, TARGET).item() == pytest.approx(0.25**2 / 2 + SIDES)


def test_cross_entropy_by_hand() -> None:
    x = -0.75 * math.log(0.5) - 0.25 * math.log(0.5)
    y = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert YOLOLoss()(PRED, TARGET).item() == pytest.approx(x + y + SIDES)


def test_the_gradient_of_the_center_is_the_difference_of_the_places() -> None:
    pred = PRED.clone().requires_grad_()
    YOLOLoss()(pred, TARGET).backward()
    assert pred.grad is not None
    assert pred.grad.tolist() == pytest.approx([0.5 - 0.75, 0.0, 0.5, -2.0])


def test_leading_dimensions_and_half_precision() -> None:
    found = YOLOLoss()(PRED.expand(2, 0, 4), TARGET.expand(2, 0, 4))
    assert found.shape == (2, 0)
    assert YOLOLoss()(PRED.bfloat16(), TARGET.bfloat16()).dtype == torch.float32


def test_an_unknown_center_is_named() -> None:
    with pytest.raises(ValueError, match="'cross_entropy' or 'squared', but got 'both'"):
        YOLOLoss("both")
