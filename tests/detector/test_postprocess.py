"""Post-processing against a plain loop over classes."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from torchvision.ops import box_iou, nms

from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.ops.box_coding import decode
from lightweight_ssd.ops.thresholds import known_thresholds
from lightweight_ssd.tensor_types import Detections, RawOutputs

SIZE = (90, 120)
FUZZING = settings(max_examples=300, deadline=None, derandomize=True, database=None)
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def random_outputs(batch: int, anchors: int, classes: int, seed: int = 0) -> RawOutputs:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(anchors, 2, generator=generator) * 110 - 10
    boxes = torch.cat([corner, corner + 2 + torch.rand(anchors, 2, generator=generator) * 40], dim=1)
    logits = torch.randn(batch, anchors, classes, generator=generator) * 2 - 1
    return RawOutputs(logits, torch.randn(batch, anchors, 4, generator=generator), boxes)


def ssd_postprocess(**settings: Any) -> PostProcess:
    return PostProcess(
        **known_thresholds(settings), scores=lambda raw: raw.logits.float().sigmoid(), coder=VarianceCoder(VARIANCES)
    )


def postprocess(raw: RawOutputs, size: tuple[int, int], **settings: Any) -> list[Detections]:
    return ssd_postprocess(**settings)(raw, size)


def one_box(logit: float, box: list[float]) -> RawOutputs:
    return RawOutputs(torch.tensor([[[logit]]]), torch.zeros(1, 1, 4), torch.tensor([box]))


def by_class(raw: RawOutputs, image: int, threshold: float, iou: float) -> list[tuple[float, int, list[float]]]:
    """The slow way: every class alone, every candidate decoded."""
    found: list[tuple[float, int, list[float]]] = []
    boxes = decode(raw.offsets[image], raw.anchors, VARIANCES)
    boxes = torch.stack([boxes[:, i].clamp(0, (SIZE[1], SIZE[0])[i % 2]) for i in range(4)], dim=1)
    solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    for label in range(raw.logits.shape[-1]):
        scores = raw.logits[image, :, label].sigmoid()
        chosen = (solid & (scores > threshold)).nonzero()[:, 0]
        kept = chosen[nms(boxes[chosen], scores[chosen], iou)]
        found += [(scores[i].item(), label, boxes[i].tolist()) for i in kept]
    return sorted(found, reverse=True)


@pytest.mark.parametrize(("batch", "anchors"), [(0, 5), (2, 0)])
def test_nothing_gives_nothing(batch: int, anchors: int) -> None:
    found = postprocess(random_outputs(batch, anchors, 3), SIZE)
    assert len(found) == batch
    for detections in found:
        assert (detections.boxes.shape, detections.scores.shape, detections.labels.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("anchors", [40, 400])
def test_equals_a_loop_over_classes(anchors: int, seed: int) -> None:
    raw = random_outputs(2, anchors, 5, seed)
    found = postprocess(raw, SIZE, score_threshold=0.3, iou_threshold=0.5, max_detections=10_000, max_candidates=10_000)
    for image, detections in enumerate(found):
        expected = by_class(raw, image, 0.3, 0.5)
        assert detections.labels.tolist() == [label for _, label, _ in expected]
        torch.testing.assert_close(detections.scores, torch.tensor([score for score, _, _ in expected]))
        torch.testing.assert_close(detections.boxes, torch.tensor([box for _, _, box in expected]))


def test_limits_keep_the_best() -> None:
    raw = random_outputs(1, 300, 4)
    everything = postprocess(raw, SIZE, max_candidates=10_000, max_detections=10_000)[0]
    few = postprocess(raw, SIZE, max_candidates=10_000, max_detections=7)[0]
    torch.testing.assert_close(few.scores, everything.scores[:7])
    # Suppression among the five best alone: never more than five, and the best is always there.
    five = postprocess(raw, SIZE, max_candidates=5)[0]
    assert 1 <= len(five.scores) <= 5
    assert five.scores[0] == everything.scores[0]


def test_one_anchor_can_be_two_classes() -> None:
    raw = RawOutputs(torch.tensor([[[2.0, 1.0]]]), torch.zeros(1, 1, 4), torch.tensor([[0.0, 0.0, 10.0, 10.0]]))
    assert postprocess(raw, SIZE)[0].labels.tolist() == [0, 1]


def test_score_at_the_threshold_is_no_detection() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    assert len(postprocess(one_box(0.0, box), SIZE, score_threshold=0.5)[0].scores) == 0
    assert len(postprocess(one_box(0.1, box), SIZE, score_threshold=0.5)[0].scores) == 1
    assert len(postprocess(one_box(-200.0, box), SIZE, score_threshold=0.0)[0].scores) == 0


def test_boxes_are_clipped_and_dropped_when_outside() -> None:
    found = postprocess(one_box(3.0, [-10.0, 80.0, 200.0, 99.0]), SIZE)[0]
    torch.testing.assert_close(found.boxes, torch.tensor([[0.0, 80.0, 120.0, 90.0]]))
    assert len(postprocess(one_box(3.0, [130.0, 0.0, 140.0, 10.0]), SIZE)[0].scores) == 0


def test_classes_do_not_suppress_each_other_left_of_the_image() -> None:
    anchors = torch.tensor([[100.0, 70.0, 119.0, 89.0], [-30.0, -30.0, 20.0, 20.0]])
    logits = torch.tensor([[[3.0, -99.0], [-99.0, 2.0]]])
    assert len(postprocess(RawOutputs(logits, torch.zeros(1, 2, 4), anchors), SIZE)[0].scores) == 2


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_do_not_crash(bad: float) -> None:
    raw = random_outputs(2, 30, 3)
    raw.logits[0, ::2] = bad
    raw.offsets[1, ::3] = bad
    for boxes, scores, _ in postprocess(raw, SIZE):
        assert boxes.isfinite().all()
        assert ((scores > 0) & (scores <= 1)).all()


def test_half_precision_in_float32_out() -> None:
    raw = random_outputs(1, 30, 3)
    half = RawOutputs(raw.logits.bfloat16(), raw.offsets.bfloat16(), raw.anchors)
    boxes, scores, labels = postprocess(half, SIZE)[0]
    assert (boxes.dtype, scores.dtype, labels.dtype) == (torch.float32, torch.float32, torch.int64)


def test_offsets_are_decoded_against_their_own_anchor() -> None:
    raw = random_outputs(1, 8, 2)
    found: Tensor = postprocess(raw, SIZE, iou_threshold=1.0, score_threshold=0.0)[0].scores
    assert len(found) == len(by_class(raw, 0, 0.0, 1.0))


@st.composite
def boxes_on_a_grid(draw: st.DrawFn, anchors: int) -> Tensor:
    """Sides of 8 pixels or more, many of them copies or partly outside, so that overlaps are common and exact."""
    pixels = arrays(np.float32, (2, anchors, 2), elements=st.sampled_from(range(8, 72, 8)))
    corner, sides = torch.from_numpy(draw(pixels)).unbind()
    return torch.cat([2 * corner - 24, 2 * corner - 24 + sides], dim=1)


@st.composite
def exact_outputs(draw: st.DrawFn) -> RawOutputs:
    """No two scores are equal, since the order of equals is open."""
    anchors, classes = draw(st.integers(0, 12)), draw(st.integers(1, 4))
    count = anchors * classes
    steps = draw(st.lists(st.integers(-256, 256), min_size=count, max_size=count, unique=True))
    logits = torch.tensor(steps).float().reshape(1, anchors, classes) / 64
    return RawOutputs(logits, torch.zeros(1, anchors, 4), draw(boxes_on_a_grid(anchors)))


@pytest.mark.slow
@FUZZING
@given(raw=exact_outputs(), threshold=st.floats(0, 0.9), iou=st.sampled_from([0.0, 0.25, 0.45, 0.5, 0.6, 1.0]))
def test_equals_torchvision_class_by_class_on_whatever_comes(raw: RawOutputs, threshold: float, iou: float) -> None:
    boxes, scores, labels = postprocess(
        raw, SIZE, score_threshold=threshold, iou_threshold=iou, max_detections=10_000, max_candidates=10_000
    )[0]
    expected = by_class(raw, 0, threshold, iou)
    assert [labels.tolist(), boxes.tolist()] == [[each[place] for each in expected] for place in (1, 2)]
    torch.testing.assert_close(scores, torch.tensor([score for score, _, _ in expected]))


@st.composite
def wild_outputs(draw: st.DrawFn) -> RawOutputs:
    """Everything that float32 can hold, NaN and infinities too."""
    batch, anchors, classes = draw(st.integers(0, 2)), draw(st.integers(0, 9)), draw(st.integers(1, 3))
    anything = st.floats(width=32) | st.floats(-4, 4, width=32)
    logits = draw(arrays(np.float32, (batch, anchors, classes), elements=anything))
    offsets = draw(arrays(np.float32, (batch, anchors, 4), elements=anything))
    return RawOutputs(torch.from_numpy(logits), torch.from_numpy(offsets), draw(boxes_on_a_grid(anchors)))


@pytest.mark.slow
@FUZZING
@given(raw=wild_outputs(), threshold=st.floats(0, 0.9), limit=st.integers(1, 12))
def test_whatever_comes_detections_are_what_they_promise(raw: RawOutputs, threshold: float, limit: int) -> None:
    found = postprocess(
        raw, SIZE, score_threshold=threshold, iou_threshold=0.5, max_detections=limit, max_candidates=20
    )
    assert len(found) == len(raw.logits)
    for boxes, scores, labels in found:
        assert len(boxes) == len(scores) == len(labels) <= limit
        assert boxes.isfinite().all() and (boxes >= 0).all() and (boxes <= torch.tensor(SIZE[::-1] * 2)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert ((scores > threshold) & (scores <= 1)).all() and (scores[:-1] >= scores[1:]).all()
        assert ((labels >= 0) & (labels < raw.logits.shape[-1])).all()
        large = (boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)  # shifted by class, hair-thin boxes lose their overlap
        same = (labels[:, None] == labels) & large & large[:, None]
        assert (box_iou(boxes, boxes)[same & ~torch.eye(len(labels), dtype=torch.bool)] <= 0.5 + 1e-3).all()


def test_scores_are_the_heads_and_boxes_the_coders() -> None:
    """A head whose scores are half of the sigmoid, and a coder of other variances that is given the cells."""

    class Coder(VarianceCoder):
        def decode(self, offsets: Tensor, anchors: Tensor, cells: Tensor | None = None) -> Tensor:
            assert cells is not None and cells.shape == (*anchors.shape[:-1], 2)
            return super().decode(offsets, anchors, cells)

    raw = random_outputs(1, 60, 3)._replace(cells=torch.ones(60, 2))
    other = replace(ssd_postprocess(), scores=lambda raw: raw.logits.sigmoid() / 2, coder=Coder((0.2, 0.2, 0.1, 0.1)))
    usual = replace(ssd_postprocess(score_threshold=0.02), coder=VarianceCoder((0.2, 0.2, 0.1, 0.1)))
    (found,), (expected,) = other(raw, SIZE), usual(raw, SIZE)
    torch.testing.assert_close(found.scores * 2, expected.scores)
    assert torch.equal(found.boxes, expected.boxes)


def test_classes_that_are_not_asked_for_take_no_place() -> None:
    raw, few = random_outputs(2, 60, 4), ssd_postprocess(max_detections=5, max_candidates=20)
    alone = RawOutputs(raw.logits[..., 2:3], raw.offsets, raw.anchors)
    for found, expected in zip(few(raw, SIZE, labels=[2]), few(alone, SIZE), strict=True):
        assert found.labels.tolist() == [2] * len(expected.labels)
        assert torch.equal(found.boxes, expected.boxes) and torch.equal(found.scores, expected.scores)
    assert [len(found.labels) for found in few(raw, SIZE, labels=[])] == [0, 0]


def test_each_image_may_have_anchors_of_its_own() -> None:
    raw = random_outputs(3, 40, 3)
    own = torch.stack([raw.anchors + 5 * image for image in range(3)])
    together = ssd_postprocess()(raw._replace(anchors=own, cells=own[..., :2]), SIZE)
    for image, found in enumerate(together):
        one = RawOutputs(raw.logits[image : image + 1], raw.offsets[image : image + 1], own[image])
        assert torch.equal(found.boxes, ssd_postprocess()(one, SIZE)[0].boxes)


def test_other_settings_are_another_object() -> None:
    default = ssd_postprocess()
    few = replace(default, max_detections=1)
    raw = random_outputs(1, 60, 3)
    assert len(few(raw, SIZE)[0].scores) == 1 < len(default(raw, SIZE)[0].scores)
    with pytest.raises(FrozenInstanceError):
        default.score_threshold = 0.5  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"score_threshold": 1.0}, "Expected score_threshold from 0 to below 1 but got 1.0."),
        ({"score_threshold": float("nan")}, "Expected score_threshold from 0 to below 1 but got nan."),
        ({"iou_threshold": -0.1}, "Expected iou_threshold from 0 to 1 but got -0.1."),
        ({"max_detections": 0}, "Expected max_detections as a whole number of at least 1 but got 0."),
        ({"max_candidates": 1.5}, "Expected max_candidates as a whole number of at least 1 but got 1.5."),
        ({"iou_threshold": None}, "Expected iou_threshold as a number but got None."),
        ({"variances": 1}, "Expected postprocess settings among"),
    ],
)
def test_a_setting_out_of_range_is_refused_where_it_is_made(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError) as error:  # the sentence is compared
        ssd_postprocess(**settings)
    assert str(error.value).startswith(sentence)
