import numpy as np
import pytest
import torch

from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.anchors.ssd import SSDAnchors
from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.detector.anchor_fit import (
    AnchorGrid,
    anchor_grid,
    anchor_shapes,
    anchor_sides,
    best_anchors,
    fit_anchors,
)
from lightweight_ssd.ops.boxes import pairwise_iou

GRID = AnchorGrid((300, 200), ((38, 25), (19, 13), (3, 2)))


def boxes_of(sides: np.ndarray, seed: int = 0) -> np.ndarray:
    low = np.random.default_rng(seed).uniform(0, 1, sides.shape) * (np.array([200.0, 300.0]) - sides)
    return np.concatenate([low, low + sides], 1)


def test_the_best_iou_is_that_over_every_single_anchor():
    anchors = SSDAnchors()
    boxes = boxes_of(np.random.default_rng(1).uniform(3, 190, (300, 2)))
    every = anchors(GRID.sizes, GRID.image_size).boxes
    expected = pairwise_iou(torch.tensor(boxes, dtype=torch.float32), every).amax(1)
    found, place = best_anchors(boxes, anchors.shapes(3), GRID)
    assert np.allclose(found, expected.numpy(), atol=1e-5)
    assert place.min() >= 0 and place.max() < sum(anchors.per_cell(3))


def test_boxes_outside_of_the_image_have_their_nearest_cell_too():
    boxes = np.array([[-50.0, -20.0, 20.0, 30.0], [180.0, 280.0, 260.0, 350.0]])
    every = SSDAnchors()(GRID.sizes, GRID.image_size).boxes
    expected = pairwise_iou(torch.tensor(boxes, dtype=torch.float32), every).amax(1)
    assert np.allclose(best_anchors(boxes, SSDAnchors().shapes(3), GRID)[0], expected.numpy(), atol=1e-5)


def test_fitted_anchors_serve_more_boxes_and_others_of_the_same_kind():
    start = SSDAnchors().shapes(3)
    narrow = np.random.default_rng(2).normal([14, 60], [2, 6], (400, 2))
    fitted = fit_anchors(boxes_of(narrow), start, GRID)
    assert [len(level) for level in fitted] == [len(level) for level in start]
    for seed in (0, 5):
        before, after = (
            (best_anchors(boxes_of(narrow, seed), each, GRID)[0] >= 0.5).mean() for each in (start, fitted)
        )
        assert before < 0.35 and after > 0.95
    assert fitted == fit_anchors(boxes_of(narrow), start, GRID), "no chance is involved"


def test_an_anchor_without_boxes_is_never_smaller_than_half_a_cell():
    tiny = boxes_of(np.full((200, 2), 4.0))
    scale, _ = min(fit_anchors(tiny, SSDAnchors().shapes(3), GRID)[2])
    assert scale * 200 > 50


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.array([[5.0, 5.0, 5.0, 9.0]])])
def test_without_a_box_nothing_changes(boxes: np.ndarray):
    start = SSDAnchors().shapes(3)
    assert fit_anchors(boxes, start, GRID) == start
    assert len(best_anchors(boxes, start, GRID)[0]) == len(boxes)


def test_fitted_anchors_are_never_worse_than_those_at_the_start():
    boxes = boxes_of(np.random.default_rng(3).uniform(2, 180, (500, 2)))
    start = fit_anchors(boxes, SSDAnchors().shapes(3), GRID)
    again = fit_anchors(boxes, start, GRID)
    shares = [float((best_anchors(boxes, each, GRID)[0] >= 0.5).mean()) for each in (start, again)]
    assert shares[1] >= shares[0]


def test_the_grid_is_that_of_the_detector():
    detector = build_detector(resolved(compose(["neck=none", "backbone=mobilenet_v2"], "profile")), ["a"])
    grid = anchor_grid(detector, (96, 160))
    with torch.no_grad():
        raw = detector.eval()(torch.zeros(1, 3, 96, 160, dtype=torch.uint8))
    assert torch.equal(raw.anchors, detector.anchors(grid.sizes, (96, 160)).boxes)
    with pytest.raises(ValueError, match="Expected an image_size of"):
        anchor_grid(detector, (8, 160))


def test_where_shapes_alone_count_the_place_does_not_and_larger_ones_go_to_coarser_levels():
    """YOLO's k-means: two kinds of boxes, wherever they lie, and two levels of one shape each."""
    small, large = (
        np.random.default_rng(seed).normal(mean, 1, (200, 2)) for seed, mean in ((4, [12, 30]), (5, [90, 60]))
    )
    boxes = boxes_of(np.concatenate([small, large]))
    grid = AnchorGrid((300, 200), ((38, 25), (10, 7)), anywhere=True)
    start = anchor_shapes(ShapeAnchors([[(100.0, 100.0)], [(30.0, 30.0)]]), grid)
    found = [anchor_sides(level, grid.image_size) for level in fit_anchors(boxes, start, grid)]
    assert np.allclose(found, [[[12, 30]], [[90, 60]]], atol=0.3)
    moved = boxes + np.random.default_rng(6).uniform(-3, 3, (400, 1))
    assert np.array_equal(best_anchors(moved, start, grid)[0].round(6), best_anchors(boxes, start, grid)[0].round(6))


def test_shapes_in_pixels_are_those_of_the_rule():
    grid = AnchorGrid((300, 200), ((38, 25), (19, 13)))
    fine, coarse = anchor_shapes(ShapeAnchors([[(40.0, 10.0), (20.0, 20.0)], [(30.0, 90.0)]], scale=2.0), grid)
    assert np.allclose(anchor_sides(fine, grid.image_size), [[40, 40], [80, 20]], rtol=1e-3)
    assert np.allclose(anchor_sides(coarse, grid.image_size), [[60, 180]], rtol=1e-3)
    assert anchor_shapes(SSDAnchors(), GRID) == SSDAnchors().shapes(3)


def test_a_detector_that_counts_in_cells_places_boxes_anywhere():
    detector = build_detector(resolved(compose(["detector=yolov3", "backbone.width=0.03125"])), ["any"])
    assert anchor_grid(detector, (96, 128)) == AnchorGrid((96, 128), ((12, 16), (6, 8), (3, 4)), anywhere=True)
