"""The criterion of two stages: terms by hand, what divides them, the box of the right class.

Run as a script, this file is one rank of its own distributed test.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn

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


def test_evaluation_divides_by_the_proposals_that_there_are() -> None:
    """Whatever their number: each of them twice, as in the evaluation of more than are drawn, has the same loss."""
    evaluated, raw = criterion().eval(), outputs()
    terms, matched, divisor = evaluated(raw, BOXES, LABELS)
    assert matched == 1 and divisor == 3, "the padded proposal is none"
    assert terms["classification"].item() == pytest.approx(1.0986123)
    assert terms["localization"].item() == pytest.approx((1 / 10 + torch.tensor(1.2).log().item()) / 3)
    assert terms["proposal_classification"].item() == pytest.approx(2 * 0.6931472 / 2), "anchors are still drawn"
    twice = RawOutputs(*(torch.cat([each, each], dim=1) for each in raw.second[:3]))
    again = evaluated(raw._replace(second=twice), BOXES, LABELS)
    assert again.divisor == 6
    for name, term in terms.items():
        torch.testing.assert_close(again.terms[name], term)
    nothing = evaluated(raw._replace(second=raw.second._replace(anchors=0 * raw.second.anchors)), BOXES, LABELS)
    assert nothing.divisor == 1 and nothing.terms["classification"] == 0


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


@pytest.mark.slow
def test_two_ranks_average_to_the_gradient_of_one_process(tmp_path: Path) -> None:
    """Where all anchors are drawn; a draw by chance depends on an image's place in its batch."""
    ranks = [subprocess.Popen([sys.executable, "-P", __file__, str(tmp_path), str(rank)]) for rank in range(2)]
    try:
        assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
    torch.testing.assert_close(torch.load(tmp_path / "average.pt", weights_only=True), gradient(slice(None)))


def gradient(images: slice) -> Tensor:
    """With respect to two parameters that all of four images share; of two ranks the second has no object."""
    scale, shift = torch.ones(3, requires_grad=True), torch.zeros(4, requires_grad=True)
    raw, boxes = outputs(4), torch.cat([BOXES, BOXES + 1, 0 * BOXES, 0 * BOXES])
    labels = torch.cat([LABELS, LABELS, 0 * LABELS - 1, 0 * LABELS - 1])
    logits = torch.arange(48.0).reshape(4, 4, 3).sin()
    first = raw.first._replace(logits=logits[images, :3, :1] * scale[0], offsets=raw.first.offsets[images] + shift)
    second = RawOutputs(logits[images] * scale, raw.second.offsets[images] + shift, raw.second.anchors[images])
    all_drawn = TwoStageCriterion(
        stage(SampledLoss(number=8, object_share=1.0), IoUMatcher(0.7), 8), stage(SoftmaxLoss(), ProposalMatcher(), 4)
    )
    terms = all_drawn(TwoStageOutputs(first, second), boxes[images], labels[images]).terms
    all_drawn.total(terms).backward()
    assert scale.grad is not None and shift.grad is not None
    return torch.cat([scale.grad, shift.grad])


def run_rank(folder: Path, rank: int) -> None:
    """Two of the four images on each rank; rank 0 writes the averaged gradients."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    average = gradient(slice(2 * rank, 2 * rank + 2))
    distributed.all_reduce(average)
    if rank == 0:
        criterion().eval()(outputs(), BOXES, LABELS)  # alone: must not wait
        torch.save(average / 2, folder / "average.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    run_rank(Path(sys.argv[1]), int(sys.argv[2]))
