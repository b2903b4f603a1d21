"""The criterion of two stages: terms by hand, what divides them, the box of the right class."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightweight_ssd.classification.sampled import SampledLoss
from lightweight_ssd.classification.softmax import SoftmaxLoss
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.criterion.two_stage import TERMS, TwoStageCriterion
from lightweight_ssd.loss.bll import BLL
from lightweight_ssd.loss.l1 import L1
from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.matching.proposals import ProposalMatcher
from lightweight_ssd.tensor_types import RawOutputs, TwoStageOutputs

ANCHORS = torch.tensor([[0.0, 0.0, 10.0, 10.0], [40.0, 40.0, 50.0, 50.0], [20.0, 20.0, 30.0, 30.0]])
BOXES, LABELS = torch.tensor([[[0.0, 0.0, 12.0, 10.0], [0.0, 0.0, 0.0, 0.0]]]), torch.tensor([[1, -1]])


def stage(classification: nn.Module, matcher: Any, samples: int | None, **changes: Any) -> SSDCriterion:
    settings: dict[str, Any] = {"localization": L1(), "coder": VarianceCoder((1.0, 1.0, 1.0, 1.0)), **changes}
    return SSDCriterion(classification, matcher=matcher, samples=samples, **settings)


def criterion(**changes: Any) -> TwoStageCriterion:
    first = stage(SampledLoss(number=2), IoUMatcher(0.7, background_below=0.3, keep_best_above=0.3), 2)
    return TwoStageCriterion(first, stage(SoftmaxLoss(), ProposalMatcher(), 4), **changes)


def outputs(images: int = 1, offsets: Tensor | None = None) -> TwoStageOutputs:
    proposals = torch.cat([ANCHORS, torch.zeros(1, 4)]).expand(images, 4, 4)
    offsets = torch.zeros(images, 4, 4) if offsets is None else offsets
    first = RawOutputs(torch.zeros(images, 3, 1), torch.zeros(images, 3, 4), ANCHORS, torch.ones(3, 2))
    return TwoStageOutputs(first, RawOutputs(torch.zeros(images, 4, 3), offsets, proposals))


def test_terms_by_hand() -> None:
    """The box lies 1 to the right of the anchor and is 12 by 10; two anchors and three proposals count."""
    terms, matched, divisor = criterion()(outputs(), BOXES, LABELS)
    moved = 1 / 10 + torch.tensor(1.2).log().item()
    assert list(terms) == list(TERMS) and matched == 1 and divisor == 4
    assert terms["proposal_classification"].item() == pytest.approx(2 * 0.6931472 / 2)
    assert terms["proposal_localization"].item() == pytest.approx(moved / 2)
    assert terms["classification"].item() == pytest.approx(3 * 1.0986123 / 4)  # the padded proposal costs nothing
    assert terms["localization"].item() == pytest.approx(moved / 4)


def test_terms_are_divided_by_the_images() -> None:
    once = criterion()(outputs(), BOXES, LABELS)
    thrice = criterion()(outputs(3), BOXES.expand(3, -1, -1), LABELS.expand(3, -1))
    assert thrice.divisor == 3 * once.divisor and thrice.matched == 3
    for name, term in once.terms.items():
        torch.testing.assert_close(thrice.terms[name], term)
    half = criterion()(outputs(2), torch.cat([BOXES, 0 * BOXES]), torch.cat([LABELS, 0 * LABELS - 1]))
    torch.testing.assert_close(half.terms["localization"], once.terms["localization"] / 2)


@pytest.mark.parametrize("localization", [L1(), BLL()])
def test_an_object_has_the_box_of_its_class(localization: nn.Module) -> None:
    second = stage(SoftmaxLoss(), ProposalMatcher(), 4, localization=localization)
    perfect = VarianceCoder((1.0, 1.0, 1.0, 1.0)).encode(BOXES[:, :1], ANCHORS[:1])
    offsets = torch.full((1, 4, 2, 4), 9.0)
    offsets[:, 0, 1] = perfect[0, 0]
    offsets.requires_grad_()
    raw = outputs().second._replace(offsets=offsets)
    assert second(raw, BOXES, LABELS).terms["localization"].item() == pytest.approx(0, abs=1e-5)
    other = second(raw, BOXES, torch.tensor([[0, -1]])).terms["localization"]
    other.backward()
    assert other > 0.1 and offsets.grad is not None
    assert not offsets.grad[:, 1:].any() and not offsets.grad[:, 0, 1].any()


def test_a_batch_without_objects_teaches_background_alone() -> None:
    for slots in (0, 2):
        terms, matched, _ = criterion()(outputs(), torch.zeros(1, slots, 4), torch.full((1, slots), -1))
        assert matched == 0 and terms["localization"] == terms["proposal_localization"] == 0
        assert terms["classification"].item() == pytest.approx(3 * 1.0986123 / 4)
        assert terms["proposal_classification"].item() == pytest.approx(2 * 0.6931472 / 2)


def test_weights_apply_in_the_total_only() -> None:
    weights = dict(zip(TERMS, (1.0, 2.0, 3.0, 4.0), strict=True))
    weighted = criterion(weights=weights)
    terms = weighted(outputs(), BOXES, LABELS).terms
    torch.testing.assert_close(weighted.total(terms), sum(weights[name] * terms[name] for name in TERMS))
    torch.testing.assert_close(criterion().total(terms), sum(terms.values()))
    with pytest.raises(ValueError, match=r"exactly the keys \['proposal_classification', "):
        criterion(weights={"classification": 1.0})


def test_stages_that_divide_by_their_matches_are_refused() -> None:
    second = stage(SoftmaxLoss(), ProposalMatcher(), None)
    with pytest.raises(ValueError, match=r"Expected criterion\.detections\.samples as a number, but got null"):
        TwoStageCriterion(stage(SampledLoss(), IoUMatcher(), 256), second)
    with pytest.raises(ValueError, match="Expected samples of the criterion of at least 1"):
        stage(SoftmaxLoss(), ProposalMatcher(), 0)
