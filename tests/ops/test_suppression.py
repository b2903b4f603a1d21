"""The detections of NumPy are those of PyTorch, to the last bit, where no two scores are equal."""

import numpy as np
import pytest
import torch

from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.ops.box_coding import decode
from lightweight_ssd.ops.suppression import DetectionArrays, suppress
from lightweight_ssd.ops.thresholds import Thresholds, known_thresholds
from lightweight_ssd.tensor_types import RawOutputs

SIZE = (90, 120)
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def random_outputs(anchors: int, classes: int, seed: int, spread: float = 2.0) -> RawOutputs:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(anchors, 2, generator=generator) * 110 - 10
    boxes = torch.cat([corner, corner + 2 + torch.rand(anchors, 2, generator=generator) * 40], dim=1)
    logits = torch.randn(1, anchors, classes, generator=generator) * spread - 1
    return RawOutputs(logits, torch.randn(1, anchors, 4, generator=generator), boxes)


def both(raw: RawOutputs, **settings: float) -> tuple[DetectionArrays, list[np.ndarray]]:
    """What NumPy finds, and what PyTorch does."""
    coder, thresholds = VarianceCoder(VARIANCES), known_thresholds(settings)
    post_process = PostProcess(**thresholds, scores=lambda raw: raw.logits.sigmoid(), coder=coder)
    boxes, scores = decode(raw.offsets, raw.anchors, VARIANCES)[0].numpy(), raw.logits.sigmoid()[0].numpy()
    found = suppress(boxes, scores, SIZE, post_process)
    return found, [values.numpy() for values in post_process(raw, SIZE)[0]]


def check_equal(found: DetectionArrays, expected: list[np.ndarray]) -> None:
    for values, others in zip(found, expected, strict=True):
        assert values.dtype == others.dtype and values.shape == others.shape
        np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"score_threshold": 0.5, "iou_threshold": 0.3},
        {"iou_threshold": 0.0, "max_detections": 1000},
        {"iou_threshold": 1.0, "max_detections": 7},
        {"max_candidates": 5},
        {"max_candidates": 3000, "max_detections": 2000},  # torchvision goes class by class here
    ],
)
@pytest.mark.parametrize(("anchors", "classes"), [(400, 5), (30, 1), (1500, 3)])
def test_it_finds_what_pytorch_does(anchors: int, classes: int, settings: dict[str, float], seed: int) -> None:
    found, expected = both(random_outputs(anchors, classes, seed), **settings)
    assert len(found.scores) > 0
    check_equal(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_no_detections(bad: float) -> None:
    raw = random_outputs(60, 3, 0)
    raw.offsets[0, ::3] = bad
    raw.logits[0, ::4] = -abs(bad)  # +inf would give equal scores
    found, expected = both(raw)
    check_equal(found, expected)
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize(("anchors", "classes"), [(0, 3), (5, 0), (0, 0)])
def test_nothing_gives_nothing(anchors: int, classes: int) -> None:
    found = suppress(np.zeros((anchors, 4), np.float32), np.zeros((anchors, classes), np.float32), SIZE, Thresholds())
    assert (found.boxes.shape, found.scores.shape, found.labels.shape) == ((0, 4), (0,), (0,))
    assert found.labels.dtype == np.int64


def one(boxes: list[list[float]], scores: list[list[float]], **settings: float) -> DetectionArrays:
    arrays = np.array(boxes, np.float32), np.array(scores, np.float32)
    return suppress(*arrays, SIZE, Thresholds(**settings))  # pyright: ignore[reportArgumentType]


def test_boxes_are_clipped_before_they_suppress_and_dropped_outside() -> None:
    # Whole, the two overlap by a quarter; inside the image, they are the same box.
    left, farther = [-30.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]
    found = one([left, farther, [130.0, 0.0, 140.0, 10.0]], [[0.9], [0.8], [0.7]])
    assert found.boxes.tolist() == [[0.0, 0.0, 10.0, 10.0]]
    assert one([[10.0, 10.0, 10.0, 20.0], [20.0, 20.0, 10.0, 30.0]], [[0.9], [0.8]]).scores.tolist() == []


def test_a_score_at_the_threshold_is_no_detection() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    assert len(one([box], [[0.5]], score_threshold=0.5).scores) == 0
    assert len(one([box], [[0.0]], score_threshold=0.0).scores) == 0
    assert len(one([box], [[0.51]], score_threshold=0.5).scores) == 1


def test_of_equal_scores_the_first_stay_and_classes_do_not_suppress_each_other() -> None:
    box, near = [0.0, 0.0, 20.0, 20.0], [1.0, 0.0, 21.0, 20.0]
    found = one([box, near, near], [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    assert found.labels.tolist() == [0, 1] and found.boxes.tolist() == [box, box]
    few = one([[10.0 * i, 0.0, 10.0 * i + 9, 9.0] for i in range(9)], [[0.5]] * 9, max_candidates=4)
    assert few.boxes[:, 0].tolist() == [0, 10, 20, 30]


def test_a_box_that_was_dropped_drops_none() -> None:
    boxes = [[0.0, 0.0, 20.0, 10.0], [8.0, 0.0, 28.0, 10.0], [16.0, 0.0, 36.0, 10.0]]
    assert one(boxes, [[0.9], [0.8], [0.7]], iou_threshold=0.4).scores.tolist() == pytest.approx([0.9, 0.7])
