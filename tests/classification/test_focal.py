import math

import pytest
import torch
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from lightweight_ssd.classification.focal import FocalLoss


def random_case(classes: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 40, classes, generator=generator, dtype=torch.float64) * 4
    return logits, torch.randint(-1, classes, (3, 40), generator=generator)


@pytest.mark.parametrize(("batch", "anchors"), [(0, 4), (2, 0)])
def test_nothing_to_classify(batch: int, anchors: int):
    labels = torch.zeros(batch, anchors, dtype=torch.int64)
    assert FocalLoss()(torch.zeros(batch, anchors, 3), labels).shape == (batch, anchors)


def test_by_hand():
    logits = torch.tensor([[[math.log(3.0), 0.0], [0.0, math.log(3.0)]]])  # probabilities 3/4 and 1/2
    target = 0.25 * (1 / 4) ** 2 * -math.log(3 / 4)
    other, confident = 0.75 * (1 / 2) ** 2 * math.log(2), 0.75 * (3 / 4) ** 2 * math.log(4)
    value = FocalLoss()(logits, torch.tensor([[0, -1]]))
    torch.testing.assert_close(value, torch.tensor([[target + other, other + confident]]))


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.9, 0.5), (1.0, 1.0)])
def test_values_and_gradients_equal_torchvision(alpha: float, gamma: float):
    logits, labels = random_case()
    logits.requires_grad_()
    one_hot = torch.nn.functional.one_hot(labels + 1, 6)[..., 1:].double()
    ours = FocalLoss(alpha, gamma)(logits, labels)
    theirs = sigmoid_focal_loss(logits, one_hot, alpha, gamma).sum(dim=-1)
    torch.testing.assert_close(ours, theirs)
    (our_gradient,) = torch.autograd.grad(ours.sum(), logits)
    (their_gradient,) = torch.autograd.grad(theirs.sum(), logits)
    torch.testing.assert_close(our_gradient, their_gradient)


def test_background_is_wrong_about_every_class():
    logits = torch.zeros(1, 1, 4)
    torch.testing.assert_close(
        FocalLoss()(logits, torch.tensor([[-1]])), torch.full((1, 1), 4 * 0.75 / 4 * math.log(2))
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_extreme_logits_stay_finite(gamma: float):
    logits = torch.tensor([[[1e4, -1e4], [-1e4, 1e4], [50.0, -50.0], [0.0, -0.0]]], requires_grad=True)
    value = FocalLoss(gamma=gamma)(logits, torch.tensor([[0, 0, 1, -1]]))
    value.sum().backward()
    assert logits.grad is not None
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()
    assert value[0, :2].tolist() == [0, pytest.approx(1e4)]


def test_gradients_in_float64():
    logits, labels = random_case()
    few, few_labels = logits[:, :5].clone().requires_grad_(), labels[:, :5]
    assert torch.autograd.gradcheck(lambda x: FocalLoss()(x, few_labels), few)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_float32_within_autocast(half: torch.dtype):
    logits, labels = random_case()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = FocalLoss()(logits.to(half), labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, FocalLoss()(logits.to(half).float(), labels))


@pytest.mark.parametrize(("kwargs", "message"), [({"alpha": 1.5}, "alpha from 0 to 1"), ({"gamma": -1.0}, "gamma")])
def test_bad_parameters_are_named(kwargs: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        FocalLoss(**kwargs)
