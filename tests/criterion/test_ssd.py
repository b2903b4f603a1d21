"""Run as a script, this file is one rank of its own distributed test."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, distributed, nn
from torch._subclasses import FakeTensorMode

from lightweight_ssd.classification.focal import FocalLoss
from lightweight_ssd.classification.hard_negative import HardNegativeLoss
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.loss.bll import BLL
from lightweight_ssd.loss.l2 import L2
from lightweight_ssd.loss.smooth_l1 import SmoothL1
from lightweight_ssd.matching.iou import IoUMatcher
from lightweight_ssd.tensor_types import RawOutputs

CLASSES = 3
CENTRES = torch.cartesian_prod(torch.arange(5.0, 50, 10), torch.arange(5.0, 50, 10))
ANCHORS = torch.cat([CENTRES - 5, CENTRES + 5], dim=-1)
OBJECTS = {"four images": (3, 0, 1, 2), "one object": (0, 0, 0, 1), "no object": (0, 0, 0, 0)}


def ssd_criterion(classification: nn.Module, localization: nn.Module, **changes: Any) -> SSDCriterion:
    return SSDCriterion(classification, localization, IoUMatcher(), VarianceCoder(), **changes)


def batch(objects: tuple[int, ...], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes near some anchor and their labels, padded, one image for each count in `objects`."""
    generator = torch.Generator().manual_seed(seed)
    slots = max(objects)
    near = ANCHORS[torch.randint(len(ANCHORS), (len(objects), slots), generator=generator)]
    boxes = near + torch.rand(len(objects), slots, 4, generator=generator) * 3
    real = torch.arange(slots) < torch.tensor(objects)[:, None]
    labels = torch.randint(CLASSES, (len(objects), slots), generator=generator)
    return torch.where(real[..., None], boxes, 0.0), torch.where(real, labels, -1)


def random_raw(images: int, seed: int = 1) -> RawOutputs:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, len(ANCHORS), CLASSES, generator=generator)
    return RawOutputs(logits, torch.randn(images, len(ANCHORS), 4, generator=generator), ANCHORS)


def gradient(images: slice, objects: tuple[int, ...]) -> Tensor:
    """Gradient of the total over some of the images, with respect to two parameters that all images share."""
    scale, shift = torch.ones(CLASSES, requires_grad=True), torch.zeros(4, requires_grad=True)
    raw, (boxes, labels) = random_raw(len(objects)), batch(objects)
    raw = RawOutputs(raw.logits[images] * scale, raw.offsets[images] + shift, ANCHORS)
    criterion = ssd_criterion(FocalLoss(), BLL(), weights={"classification": 1.0, "localization": 2.0})
    criterion.total(criterion(raw, boxes[images], labels[images]).terms).backward()
    assert scale.grad is not None
    assert shift.grad is not None
    return torch.cat([scale.grad, shift.grad])


def test_terms_by_hand():
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [40.0, 40.0, 50.0, 50.0]])
    boxes = torch.tensor([[[2.0, 0.0, 12.0, 10.0], [40.0, 40.0, 50.0, 50.0]]])
    raw = RawOutputs(torch.zeros(1, 3, 2), torch.zeros(1, 3, 4), anchors)
    criterion = ssd_criterion(FocalLoss(alpha=0.5, gamma=0.0), L2())
    terms, matched, divisor = criterion(raw, boxes, torch.tensor([[1, 0]]))
    assert matched.item() == divisor.item() == 2
    assert list(terms) == ["classification", "localization"]
    assert terms["classification"].item() == pytest.approx(3 * 2 * 0.5 * 0.6931472 / 2)
    assert terms["localization"].item() == pytest.approx((2 / 10 / 0.1) ** 2 / 2)  # the second object fits its anchor
    assert criterion.matcher(anchors, boxes, torch.tensor([[1, 0]])).tolist() == [[0, -1, 1]]


def test_each_anchor_learns_the_class_of_its_own_image():
    boxes, labels = ANCHORS[:2].expand(2, 2, 4), torch.tensor([[2, 0], [1, -1]])
    logits = torch.full((2, len(ANCHORS), CLASSES), -50.0)
    logits[0, 0, 2] = logits[0, 1, 0] = logits[1, 0, 1] = 50.0
    raw = RawOutputs(logits, torch.zeros(2, len(ANCHORS), 4), ANCHORS)
    terms = ssd_criterion(FocalLoss(), BLL())(raw, boxes, labels).terms
    assert terms["classification"].item() == pytest.approx(0, abs=1e-6)
    assert terms["localization"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("slots", [0, 3])
@pytest.mark.parametrize("localization", [BLL(), SmoothL1()])
def test_a_batch_without_objects_trains_classification_alone(slots: int, localization: nn.Module):
    raw = random_raw(2)
    logits, offsets = raw.logits.requires_grad_(), raw.offsets.requires_grad_()
    criterion = ssd_criterion(FocalLoss(), localization)
    terms = criterion(raw, torch.zeros(2, slots, 4), torch.full((2, slots), -1)).terms
    criterion.total(terms).backward()
    assert terms["localization"].item() == 0
    torch.testing.assert_close(terms["classification"], FocalLoss()(logits, torch.full((2, len(ANCHORS)), -1)).sum())
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0
    assert offsets.grad is not None
    assert not offsets.grad.any()


@pytest.mark.parametrize("localization", [BLL(), SmoothL1()])
def test_unmatched_anchors_pass_no_gradient_even_where_they_overflow(localization: nn.Module):
    boxes, labels = batch((3, 1))
    raw, criterion = random_raw(2), ssd_criterion(FocalLoss(), localization)
    matched = criterion.matcher(ANCHORS, boxes, labels) >= 0
    offsets = torch.where(matched[..., None], raw.offsets, torch.inf).requires_grad_()
    terms = criterion(RawOutputs(raw.logits, offsets, ANCHORS), boxes, labels).terms
    terms["localization"].backward()
    torch.testing.assert_close(terms["localization"], criterion(raw, boxes, labels).terms["localization"])
    assert offsets.grad is not None
    assert offsets.grad[matched].isfinite().all()
    assert offsets.grad[matched].any()
    assert not offsets.grad[~matched].any()


def test_divided_by_the_matched_anchors_of_the_whole_batch():
    (boxes, labels), raw = batch((3, 0, 1, 2)), random_raw(4)
    criterion = ssd_criterion(FocalLoss(), BLL())
    whole = criterion(raw, boxes, labels).terms
    count, sums = 0, torch.zeros(2)
    for i in range(4):
        one = RawOutputs(raw.logits[i : i + 1], raw.offsets[i : i + 1], ANCHORS)
        terms, matched, _ = criterion(one, boxes[i : i + 1], labels[i : i + 1])
        sums += torch.stack(list(terms.values())) * max(1, int(matched))
        count += int(matched)
    torch.testing.assert_close(torch.stack(list(whole.values())), sums / count)


@pytest.mark.parametrize("localization", [BLL(), SmoothL1()])
def test_float32_under_autocast(localization: nn.Module):
    boxes, labels = batch((3, 1))
    raw, criterion = random_raw(2), ssd_criterion(FocalLoss(), localization)
    rounded = RawOutputs(raw.logits.bfloat16(), raw.offsets.bfloat16(), ANCHORS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = criterion(rounded, boxes, labels).terms
        total = criterion.total(terms)
    expected = criterion(RawOutputs(rounded.logits.float(), rounded.offsets.float(), ANCHORS), boxes, labels).terms
    assert total.dtype == torch.float32
    for name, value in terms.items():
        assert value.dtype == torch.float32
        assert torch.equal(value, expected[name])


def test_weights_apply_in_the_total_only():
    boxes, labels = batch((3, 1))
    weighted = ssd_criterion(FocalLoss(), BLL(), weights={"localization": 2.0, "classification": 0.5})
    terms = weighted(random_raw(2), boxes, labels).terms
    assert terms == ssd_criterion(FocalLoss(), BLL())(random_raw(2), boxes, labels).terms
    torch.testing.assert_close(weighted.total(terms), terms["classification"] / 2 + terms["localization"] * 2)


@pytest.mark.slow
def test_overfits_a_batch():
    (boxes, labels), raw = batch((3, 1)), random_raw(2)
    criterion = ssd_criterion(FocalLoss(), BLL())
    optimizer = torch.optim.Adam([raw.logits.requires_grad_(), raw.offsets.requires_grad_()], lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        criterion.total(criterion(raw, boxes, labels).terms).backward()
        optimizer.step()
    assert criterion.total(criterion(raw, boxes, labels).terms).item() < 0.02


def test_never_reads_a_value_on_the_host():
    """Fake tensors hold no values: whatever asks for one, or for a shape that depends on one, raises."""
    with FakeTensorMode():
        raw = RawOutputs(torch.zeros(2, 9, 3), torch.zeros(2, 9, 4), torch.zeros(9, 4))
        terms, *_ = ssd_criterion(FocalLoss(), BLL())(raw, torch.zeros(2, 5, 4), torch.zeros(2, 5, dtype=torch.int64))
    assert [term.shape for term in terms.values()] == [(), ()]


@pytest.mark.slow
def test_compiles_into_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the shape checks themselves do not compile
    (boxes, labels), raw, criterion = batch((3, 1)), random_raw(2), ssd_criterion(FocalLoss(), BLL())
    compiled = torch.compile(criterion, backend="aot_eager", fullgraph=True)
    assert compiled(raw, boxes, labels) == criterion(raw, boxes, labels)


@pytest.mark.parametrize(
    "weights", [{}, {"classification": 1.0}, {"classification": 1.0, "localization": 1.0, "mask": 1.0}]
)
def test_unknown_or_missing_weights_are_named(weights: dict[str, float]):
    with pytest.raises(ValueError, match=r"exactly the keys \['classification', 'localization'\], but got \["):
        ssd_criterion(FocalLoss(), BLL(), weights=weights)


def test_a_loss_without_a_space_is_named():
    with pytest.raises(ValueError, match=r"Identity.space to be 'boxes' or 'offsets', but got None"):
        ssd_criterion(FocalLoss(), nn.Identity())


def test_what_is_matched_and_coded_is_left_to_its_parts():
    """A matcher that gives every anchor the first object, and a coder whose boxes are the offsets themselves."""
    boxes, labels = ANCHORS[None, :1].clone(), torch.tensor([[1]])
    raw = RawOutputs(torch.zeros(1, len(ANCHORS), 2), torch.ones(1, len(ANCHORS), 4), ANCHORS, torch.ones(25, 2))

    class Coder(VarianceCoder):
        def encode(self, boxes: Tensor, anchors: Tensor, cells: Tensor | None = None) -> Tensor:
            assert cells is raw.cells
            return boxes

    def matcher(anchors: Tensor, boxes: Tensor, labels: Tensor, cells: Tensor | None = None) -> Tensor:
        assert cells is raw.cells
        return torch.zeros(1, len(anchors), dtype=torch.int64)

    terms, matched, _ = SSDCriterion(FocalLoss(), L2(), matcher, Coder())(raw, boxes, labels)
    assert matched.item() == len(ANCHORS)
    assert terms["localization"].item() == pytest.approx(float((1 - boxes[0, 0]).square().sum()))


@pytest.mark.slow
def test_two_ranks_average_to_the_gradient_of_one_process(tmp_path: Path):
    """Ranks with different counts, with one object between them, and with none."""
    ranks = [subprocess.Popen([sys.executable, "-P", __file__, str(tmp_path), str(rank)]) for rank in range(2)]
    try:
        assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
    averages = torch.load(tmp_path / "averages.pt", weights_only=True)
    for name, objects in OBJECTS.items():
        torch.testing.assert_close(averages[name], gradient(slice(None), objects))


def test_an_ignored_object_takes_its_anchors_out_of_the_background():
    raw = random_raw(1)
    boxes, labels = ANCHORS[[0, 7]][None].clone(), torch.tensor([[1, -2]])
    for classification in (FocalLoss(), HardNegativeLoss(min_negatives=100)):
        criterion = ssd_criterion(classification, L2())
        background = criterion(raw, boxes, torch.tensor([[1, -1]])).terms
        ignored = criterion(raw, boxes, labels).terms
        cost = classification(raw.logits, torch.full((1, len(ANCHORS)), -1))[0, 7]
        torch.testing.assert_close(background["classification"] - ignored["classification"], cost)
        torch.testing.assert_close(background["localization"], ignored["localization"])
        assert criterion.matcher(ANCHORS, boxes, labels)[0, 7] == -2


def run_rank(folder: Path, rank: int) -> None:
    """Two of the four images on each rank; rank 0 writes the averaged gradients."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    averages = {}
    for name, objects in OBJECTS.items():
        averages[name] = gradient(slice(2 * rank, 2 * rank + 2), objects)
        distributed.all_reduce(averages[name])
        averages[name] /= 2
    if rank == 0:
        ssd_criterion(FocalLoss(), BLL()).eval()(random_raw(1), *batch((1,)))  # alone: must not wait
        torch.save(averages, folder / "averages.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    run_rank(Path(sys.argv[1]), int(sys.argv[2]))
