"""Hard negative mining on a softmax by hand, and against a naive version that goes through the images one by one."""

import math

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from lightweight_ssd.classification.softmax_hard_negative import SoftmaxHardNegativeLoss
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.loss.smooth_l1 import SmoothL1
from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.tensor_types import RawOutputs


def random_case(anchors: int = 40, classes: int = 5) -> tuple[Tensor, Tensor]:
    """Four images of which the first has no object and the last almost nothing else."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, anchors, classes + 1, generator=generator, dtype=torch.float64) * 4
    labels = torch.randint(0, classes, (4, anchors), generator=generator)
    share = torch.tensor([0.0, 0.1, 0.2, 0.9])[:, None]
    return logits, labels.where(torch.rand(4, anchors, generator=generator) < share, -1)


def naive(logits: Tensor, labels: Tensor, ratio: float, least: int) -> Tensor:
    result = torch.zeros(labels.shape, dtype=logits.dtype)
    for image, row in enumerate(labels.tolist()):
        cost = {a: F.cross_entropy(logits[image, a], torch.tensor(label + 1)) for a, label in enumerate(row)}
        matched = [anchor for anchor, label in enumerate(row) if label >= 0]
        others = sorted((a for a, label in enumerate(row) if label < 0), key=lambda a: cost[a].item(), reverse=True)
        for anchor in matched + others[: max(int(ratio * len(matched)), least)]:
            result[image, anchor] = cost[anchor]
    return result


@pytest.mark.parametrize(("ratio", "least"), [(3.0, 0), (0.0, 0), (1.5, 2), (100.0, 1)])
def test_values_and_gradients_equal_the_naive_version(ratio: float, least: int) -> None:
    logits, labels = random_case()
    logits.requires_grad_()
    ours, theirs = SoftmaxHardNegativeLoss(ratio, least)(logits, labels), naive(logits, labels, ratio, least)
    torch.testing.assert_close(ours, theirs)
    (our_gradient,) = torch.autograd.grad(ours.sum(), logits)
    torch.testing.assert_close(our_gradient, torch.autograd.grad(theirs.sum() + 0 * logits.sum(), logits)[0])


def test_by_hand() -> None:
    """One object of class 1; of four background anchors the two least like background count."""
    log = math.log
    rows = [[0.0, 0.0, log(2)], [log(8), 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, log(6), 0.0], [log(2), 0.0, 0.0]]
    value = SoftmaxHardNegativeLoss(ratio=2.0)(torch.tensor([rows]), torch.tensor([[1, -1, -1, -1, -1]]))
    torch.testing.assert_close(value, torch.tensor([[log(2), 0.0, log(3), log(8), 0.0]]))


def test_an_image_without_objects_costs_nothing_but_has_a_gradient() -> None:
    logits = torch.randn(2, 6, 3, requires_grad=True)
    loss = SoftmaxHardNegativeLoss()(logits, torch.full((2, 6), -1))
    loss.sum().backward()
    assert loss.tolist() == [[0.0] * 6] * 2
    assert logits.grad is not None and not logits.grad.any()


@pytest.mark.parametrize(("batch", "anchors"), [(0, 4), (2, 0), (2, 1)])
def test_fewer_anchors_than_wanted(batch: int, anchors: int) -> None:
    loss = SoftmaxHardNegativeLoss(3.0, 3)(torch.zeros(batch, anchors, 3), torch.full((batch, anchors), -1))
    assert loss.tolist() == [[pytest.approx(math.log(3))] * anchors] * batch


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[[1e4, -1e4], [-1e4, 1e4], [50.0, -50.0]]], requires_grad=True)
    value = SoftmaxHardNegativeLoss()(logits, torch.tensor([[0, 0, -1]]))
    value.sum().backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert value.tolist() == [[2e4, 0.0, 0.0]]


def test_an_ignored_anchor_costs_nothing_and_takes_no_place_among_the_hardest() -> None:
    logits, labels = random_case()
    labels[1, 5:15] = -2
    kept = torch.ones(labels.shape[1], dtype=torch.bool)
    kept[5:15] = False
    loss = SoftmaxHardNegativeLoss()
    value = loss(logits[1:2], labels[1:2])
    assert not value[0, 5:15].any()
    torch.testing.assert_close(value[:, kept], loss(logits[1:2, kept], labels[1:2, kept]))


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_float32_within_autocast(half: torch.dtype) -> None:
    logits, labels = random_case()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = SoftmaxHardNegativeLoss()(logits.to(half), labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, SoftmaxHardNegativeLoss()(logits.to(half).float(), labels))


def test_no_host_synchronization() -> None:
    with FakeTensorMode():
        loss = SoftmaxHardNegativeLoss()(torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.int64))
    assert loss.shape == (2, 5)


def test_a_criterion_takes_it() -> None:
    """Both outputs of three alike: the object and one background anchor cost ln 4 each, over one matched anchor."""
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    raw = RawOutputs(torch.zeros(1, 2, 4, requires_grad=True), torch.zeros(1, 2, 4), anchors)
    criterion = SSDCriterion(SoftmaxHardNegativeLoss(), SmoothL1(), IoUMatcher(), VarianceCoder())
    terms = criterion(raw, anchors[None, :1], torch.tensor([[2]])).terms
    torch.testing.assert_close(terms["classification"], torch.tensor(2 * math.log(4)))


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"ratio": -1.0}, "ratio to be at least 0"), ({"min_negatives": -1}, "min_negatives")]
)
def test_bad_parameters_are_named(kwargs: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SoftmaxHardNegativeLoss(**kwargs)  # type: ignore[arg-type]
