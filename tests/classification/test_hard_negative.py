"""Hard negative mining against a naive version that goes through the images one by one."""

import math

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional as F

from lightweight_ssd.classification.hard_negative import HardNegativeLoss
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.loss.smooth_l1 import SmoothL1
from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.tensor_types import RawOutputs


def random_case(anchors: int = 40, classes: int = 5) -> tuple[Tensor, Tensor]:
    """Four images of which the first has no object and the last almost nothing else."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, anchors, classes, generator=generator, dtype=torch.float64) * 4
    labels = torch.randint(0, classes, (4, anchors), generator=generator)
    share = torch.tensor([0.0, 0.1, 0.2, 0.9])[:, None]
    return logits, labels.where(torch.rand(4, anchors, generator=generator) < share, -1)


def naive(logits: Tensor, labels: Tensor, ratio: float, least: int) -> Tensor:
    result = torch.zeros(labels.shape, dtype=logits.dtype)
    for image, row in enumerate(labels.tolist()):
        cost = {}
        for anchor, label in enumerate(row):
            target = torch.zeros_like(logits[image, anchor])
            target[label if label >= 0 else slice(0)] = 1
            cost[anchor] = F.binary_cross_entropy_with_logits(logits[image, anchor], target, reduction="sum")
        matched = [anchor for anchor, label in enumerate(row) if label >= 0]
        others = sorted((a for a, label in enumerate(row) if label < 0), key=lambda a: cost[a].item(), reverse=True)
        for anchor in matched + others[: max(int(ratio * len(matched)), least)]:
            result[image, anchor] = cost[anchor]
    return result


@pytest.mark.parametrize(("ratio", "least"), [(3.0, 3), (0.0, 0), (1.5, 0), (0.0, 7), (100.0, 1)])
def test_values_and_gradients_equal_the_naive_version(ratio: float, least: int) -> None:
    logits, labels = random_case()
    logits.requires_grad_()
    ours, theirs = HardNegativeLoss(ratio, least)(logits, labels), naive(logits, labels, ratio, least)
    torch.testing.assert_close(ours, theirs)
    (our_gradient,) = torch.autograd.grad(ours.sum(), logits)
    their_gradient = torch.autograd.grad(theirs.sum() + 0 * logits.sum(), logits)[0]
    torch.testing.assert_close(our_gradient, their_gradient)


def test_by_hand() -> None:
    third = math.log(3.0)  # a probability of 3/4
    logits = torch.tensor([[[0.0], [third], [-third], [third + 1], [0.0]]])
    value = HardNegativeLoss(ratio=2.0)(logits, torch.tensor([[0, -1, -1, -1, -1]]))
    hardest = -math.log(1 - 1 / (1 + math.exp(-third - 1)))
    # The least of 3 wins over 2 · 1: the fifth anchor counts, the third does not.
    torch.testing.assert_close(value, torch.tensor([[math.log(2), math.log(4), 0.0, hardest, math.log(2)]]))


def test_three_to_one_in_each_image() -> None:
    logits, labels = random_case(anchors=200)
    counted = HardNegativeLoss(3.0, 3)(logits, labels) > 0
    matched = (labels >= 0).sum(dim=1)
    negatives = (counted & (labels < 0)).sum(dim=1)
    assert negatives.tolist() == [min(max(3 * m, 3), 200 - m) for m in matched.tolist()]
    assert matched[0] == 0


def test_equal_losses_do_not_slip_through() -> None:
    labels = torch.full((2, 50), -1)
    labels[:, 7] = 1
    counted = HardNegativeLoss(3.0, 0)(torch.zeros(2, 50, 4), labels) > 0
    assert counted.nonzero()[:, 1].tolist() == [0, 1, 2, 7] * 2


def test_without_a_least_number_images_without_objects_cost_nothing() -> None:
    logits = torch.randn(2, 6, 3, requires_grad=True)
    loss = HardNegativeLoss(3.0, 0)(logits, torch.full((2, 6), -1))
    loss.sum().backward()
    assert logits.grad is not None
    assert loss.tolist() == [[0.0] * 6] * 2
    assert not logits.grad.any()


@pytest.mark.parametrize(("batch", "anchors"), [(0, 4), (2, 0), (2, 1)])
def test_fewer_anchors_than_wanted(batch: int, anchors: int) -> None:
    labels = torch.full((batch, anchors), -1)
    loss = HardNegativeLoss()(torch.zeros(batch, anchors, 3), labels)
    assert loss.tolist() == [[pytest.approx(3 * math.log(2))] * anchors] * batch


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[[1e4, -1e4], [-1e4, 1e4], [50.0, -50.0], [0.0, -0.0]]], requires_grad=True)
    value = HardNegativeLoss()(logits, torch.tensor([[0, 0, 1, -1]]))
    value.sum().backward()
    assert logits.grad is not None
    assert value.isfinite().all()
    assert logits.grad.isfinite().all()
    assert value[0, :2].tolist() == [0, pytest.approx(2e4)]


def test_a_logit_that_is_no_number_is_not_mined_away() -> None:
    logits = torch.zeros(1, 9, 2)
    logits[0, 8, 1] = torch.nan
    assert HardNegativeLoss(3.0, 1)(logits, torch.full((1, 9), -1)).isnan().any()


def test_gradients_in_float64() -> None:
    logits, labels = random_case(anchors=6)
    assert torch.autograd.gradcheck(lambda x: HardNegativeLoss()(x, labels), logits.requires_grad_())


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_float32_within_autocast(half: torch.dtype) -> None:
    logits, labels = random_case()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = HardNegativeLoss()(logits.to(half), labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, HardNegativeLoss()(logits.to(half).float(), labels))


def test_no_host_synchronization() -> None:
    """A fake tensor has a shape but no values: whatever reads one on the host raises."""
    with FakeTensorMode():
        labels = torch.zeros(2, 5, dtype=torch.int64)
        assert HardNegativeLoss()(torch.zeros(2, 5, 3), labels).shape == (2, 5)
        with pytest.raises(DataDependentOutputException):
            bool(labels.any())


def test_a_criterion_takes_it() -> None:
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    raw = RawOutputs(torch.zeros(1, 2, 3, requires_grad=True), torch.zeros(1, 2, 4), anchors)
    criterion = SSDCriterion(HardNegativeLoss(), SmoothL1(), IoUMatcher(), VarianceCoder())
    terms = criterion(raw, anchors[None, :1], torch.tensor([[2]])).terms
    torch.testing.assert_close(terms["classification"], torch.tensor(6 * math.log(2)))


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"ratio": -1.0}, "ratio to be at least 0"), ({"min_negatives": -1}, "min_negatives")]
)
def test_bad_parameters_are_named(kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HardNegativeLoss(**kwargs)  # type: ignore[arg-type]


def test_an_ignored_anchor_costs_nothing_and_takes_no_place_among_the_hardest() -> None:
    logits, labels = random_case()
    labels[1, 5:15] = -2
    kept = torch.ones(labels.shape[1], dtype=torch.bool)
    kept[5:15] = False
    loss = HardNegativeLoss()
    value = loss(logits[1:2], labels[1:2])
    assert not value[0, 5:15].any()
    torch.testing.assert_close(value[:, kept], loss(logits[1:2, kept], labels[1:2, kept]))
