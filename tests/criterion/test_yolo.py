"""YOLO's criterion by hand: which anchors count, with what factors, and what divides them."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.classification.focal import FocalLoss
from lightweight_ssd.classification.sigmoid import SigmoidLoss
from lightweight_ssd.coding.cell import CellCoder
from lightweight_ssd.criterion.yolo import YOLOCriterion
from lightweight_ssd.loss.bll import BLL
from lightweight_ssd.loss.ciou import CIoU
from lightweight_ssd.loss.smooth_l1 import SmoothL1
from lightweight_ssd.loss.yolo import YOLOLoss
from lightweight_ssd.matching.cell import CellMatcher
from lightweight_ssd.tensor_types import RawOutputs

# Four cells of 50 pixels, each with one small and one large anchor: 0 and 1 in the first cell, 2 and 3 in the second …
ANCHORS = ShapeAnchors([[[20, 20], [40, 40]]])([(2, 2)], (100, 100))
LOSSES = [YOLOLoss(), YOLOLoss("squared"), SmoothL1(), BLL(), CIoU()]
HALF = math.log(2)


def yolo(localization: nn.Module | None = None, **settings: Any) -> YOLOCriterion:
    return YOLOCriterion(SigmoidLoss(), localization or YOLOLoss(), CellMatcher(), CellCoder(), **settings)


def raw_outputs(images: int = 1, seed: int | None = None) -> RawOutputs:
    generator = torch.Generator().manual_seed(seed or 0)
    factor = 0.0 if seed is None else 1.0
    logits, offsets = (factor * torch.randn(images, 8, n, generator=generator) for n in (3, 4))
    return RawOutputs(logits, offsets, *ANCHORS, factor * torch.randn(images, 8, generator=generator))


def one_object(*box: float) -> tuple[Tensor, Tensor]:
    return torch.tensor([[box]], dtype=torch.float32), torch.tensor([[1]])


def test_yolov3_by_hand() -> None:
    """One object of 30 × 40 pixels, whose best shape is the large one, in the middle of the first cell."""
    boxes, labels = one_object(10, 5, 40, 45)
    terms, matched, divisor = yolo()(raw_outputs(), boxes, labels)
    assert matched.item() == divisor.item() == 1
    assert terms["localization"].item() == pytest.approx((2 - 0.3 * 0.4) * (2 * HALF + math.log(3 / 4) ** 2 / 2))
    assert terms["classification"].item() == pytest.approx(3 * HALF)
    # Of the seven others six lie in other cells; the small one of the same cell covers 400 of 1200 pixels.
    assert terms["objectness"].item() == pytest.approx((1 + 7) * HALF)
    assert yolo(ignore=0.33)(raw_outputs(), boxes, labels).terms["objectness"].item() == pytest.approx((1 + 6) * HALF)


def test_yolov2_by_hand() -> None:
    boxes, labels = one_object(10, 5, 40, 45)
    criterion = yolo(YOLOLoss("squared"), rescore=True, object_weight=5.0)
    terms = criterion(raw_outputs(), boxes, labels).terms
    assert terms["localization"].item() == pytest.approx((2 - 0.3 * 0.4) * math.log(3 / 4) ** 2 / 2)
    iou = 30 * 40 / (40 * 40)
    assert terms["objectness"].item() == pytest.approx(5 * (0.5 - iou) ** 2 / 2 + 7 * 0.5**2 / 2)
    raw = raw_outputs()._replace(objectness=torch.full((1, 8), math.log(2)))
    terms = criterion(raw, boxes, labels).terms
    assert terms["objectness"].item() == pytest.approx(5 * (2 / 3 - iou) ** 2 / 2 + 7 * (2 / 3) ** 2 / 2)


def test_predictions_near_an_object_of_any_kind_are_no_background() -> None:
    raw = raw_outputs()
    boxes = torch.tensor([[[15.0, 15.0, 35.0, 35.0], [55.0, 10.0, 95.0, 40.0], [0.0, 0.0, 100.0, 100.0]]])
    labels = torch.tensor([[0, -2, -1]])
    criterion = yolo(ignore=0.2)
    assert criterion.matcher(ANCHORS.boxes, boxes, labels, ANCHORS.cells).tolist() == [[0, -1, -1, -2] + [-1] * 4]
    # Near the first object the large anchor (IoU 0.25), near the ignored one the small one (1/3): four are background.
    assert criterion(raw, boxes, labels).terms["objectness"].item() == pytest.approx((1 + 4) * HALF)


def test_total_is_weighted_and_focal_loss_sees_the_matched_anchor_alone() -> None:
    boxes, labels = one_object(10, 5, 40, 45)
    weights = {"classification": 2.0, "localization": 0.0, "objectness": 0.5}
    criterion = yolo(weights=weights)
    criterion.classification = FocalLoss(alpha=0.5, gamma=0.0)
    terms = criterion(raw_outputs(), boxes, labels).terms
    assert terms["classification"].item() == pytest.approx(3 * HALF / 2)
    assert criterion.total(terms).item() == pytest.approx(3 * HALF + 8 * HALF / 2)


@pytest.mark.parametrize("localization", LOSSES)
def test_terms_are_divided_by_images_and_gradients_are_finite(localization: nn.Module) -> None:
    boxes = torch.tensor([[[10.0, 5.0, 40.0, 45.0], [60.0, 60.0, 90.0, 90.0]], [[0.0] * 4] * 2])
    labels, raw = torch.tensor([[1, 0], [-1, -1]]), raw_outputs(2, seed=1)
    leaves = [each.requires_grad_() for each in (raw.logits, raw.offsets, raw.objectness) if each is not None]
    criterion = yolo(localization)
    losses = criterion(raw, boxes, labels)
    assert losses.divisor.item() == 2 and losses.matched.item() == 2
    each = [criterion(_image(raw, i), boxes[i : i + 1], labels[i : i + 1]).terms for i in (0, 1)]
    for name, term in losses.terms.items():
        torch.testing.assert_close(term, (each[0][name] + each[1][name]) / 2)
    for gradient in torch.autograd.grad(criterion.total(losses.terms), leaves):
        assert gradient.isfinite().all() and gradient.any()


@pytest.mark.parametrize("slots", [0, 3])
@pytest.mark.parametrize("localization", LOSSES)
def test_a_batch_without_objects_trains_objectness_alone(slots: int, localization: nn.Module) -> None:
    raw, criterion = raw_outputs(2, seed=2), yolo(localization, rescore=slots == 3)
    assert raw.objectness is not None
    leaves = [each.requires_grad_() for each in (raw.logits, raw.offsets, raw.objectness)]
    terms = criterion(raw, torch.zeros(2, slots, 4), torch.full((2, slots), -1)).terms
    assert terms["classification"].item() == terms["localization"].item() == 0
    of_classes, of_offsets, of_objectness = torch.autograd.grad(criterion.total(terms), leaves)
    assert not of_classes.any() and not of_offsets.any()
    assert of_objectness.isfinite().all() and (of_objectness > 0).all()


@pytest.mark.parametrize("localization", LOSSES)
def test_unmatched_anchors_pass_no_gradient_even_where_they_overflow(localization: nn.Module) -> None:
    boxes, labels = one_object(10, 5, 40, 45)
    offsets = torch.full((1, 8, 4), torch.inf)
    offsets[0, 1] = 0.3
    offsets.requires_grad_()
    yolo(localization)(raw_outputs()._replace(offsets=offsets), boxes, labels).terms["localization"].backward()
    assert offsets.grad is not None
    assert offsets.grad[0, 1].isfinite().all() and offsets.grad[0, 1].any()
    assert not offsets.grad[0, [0, 2, 3, 4, 5, 6, 7]].any()


def test_half_precision_has_losses_in_full() -> None:
    boxes, labels = one_object(10, 5, 40, 45)
    raw = raw_outputs(seed=3)
    half = raw._replace(**{name: getattr(raw, name).bfloat16() for name in ("logits", "offsets", "objectness")})
    with torch.autocast("cpu", torch.bfloat16):
        terms = yolo()(half, boxes, labels).terms
    for name, term in yolo()(raw, boxes, labels).terms.items():
        assert terms[name].dtype == torch.float32
        torch.testing.assert_close(terms[name], term, rtol=0.05, atol=0.05)


def test_never_reads_a_value_on_the_host() -> None:
    """Fake tensors hold no values: whatever asks for one, or for a shape that depends on one, raises."""
    with FakeTensorMode():
        raw = RawOutputs(*(torch.zeros(shape) for shape in ((2, 8, 3), (2, 8, 4), (8, 4), (8, 2), (2, 8))))
        losses = yolo(rescore=True)(raw, torch.zeros(2, 5, 4), torch.zeros(2, 5, dtype=torch.int64))
    assert [term.shape for term in losses.terms.values()] == [(), (), ()]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ignore": 1.5}, "ignore of the criterion from 0 to 1, but got 1.5"),
        ({"object_weight": 0.0}, "object_weight of the criterion above 0, but got 0.0"),
        ({"weights": {"localization": 1.0}}, "weights with exactly the keys"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        yolo(**settings)


def test_a_head_without_objectness_is_named() -> None:
    boxes, labels = one_object(10, 5, 40, 45)
    with pytest.raises(ValueError, match="head with objectness, such as YOLOHead"):
        yolo()(raw_outputs()._replace(objectness=None), boxes, labels)


def _image(raw: RawOutputs, number: int) -> RawOutputs:
    parts = {name: getattr(raw, name)[number : number + 1] for name in ("logits", "offsets", "objectness")}
    return raw._replace(**parts)
