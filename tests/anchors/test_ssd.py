"""Anchors against hand-computed ones and the counts of the reading."""

import math
from typing import Any

import pytest
import torch

from lightweight_ssd.anchors.ssd import SSDAnchors
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build

LEVELS_300 = [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3)]


def test_no_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="one level or more"):
        SSDAnchors().per_cell(0)


def test_count_at_300() -> None:
    anchors = SSDAnchors()(LEVELS_300, (300, 300)).boxes
    assert anchors.shape == (7302, 4)
    assert anchors.dtype == torch.float32
    assert anchors.device.type == "cpu"


def test_a_level_without_cells_has_no_anchors() -> None:
    assert [each.shape for each in SSDAnchors()([(0, 0)], (10, 10))] == [(0, 4), (0, 2)]


def test_scales_are_even_with_the_geometric_mean_between() -> None:
    shapes = SSDAnchors().shapes(5)
    assert shapes[0] == [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
    scales = [0.2, 0.3875, 0.575, 0.7625, 0.95, 1.0]
    for level, scale, after in zip(shapes[1:], scales[1:-1], scales[2:], strict=True):
        assert [value for value, _ in level] == pytest.approx([scale] * 5 + [math.sqrt(scale * after)])
        assert [ratio for _, ratio in level] == pytest.approx([1, 2, 1 / 2, 3, 1 / 3, 1])


def test_order_is_level_row_column_anchor() -> None:
    anchors = SSDAnchors(lowest=[(0.1, 1.0), (0.2, 1.0)], aspect_ratios=[1.0], scale_after_last=None)(
        [(2, 3), (1, 1)], (60, 90)
    ).boxes
    centres = ((anchors[:, :2] + anchors[:, 2:]) / 2).tolist()
    cells = [[15.0, 15.0], [45.0, 15.0], [75.0, 15.0], [15.0, 45.0], [45.0, 45.0], [75.0, 45.0]]
    expected = [cell for cell in cells for _ in range(2)] + [[45.0, 30.0]]
    torch.testing.assert_close(torch.tensor(centres), torch.tensor(expected))
    sides = (anchors[:, 2] - anchors[:, 0]).tolist()
    assert sides == pytest.approx([6.0, 12.0] * 6 + [57.0], abs=1e-4)


def test_width_over_height_is_the_ratio_in_units_of_the_shorter_side() -> None:
    anchors = SSDAnchors(lowest=[(0.5, 4.0)])([(1, 1)], (100, 200)).boxes
    torch.testing.assert_close(anchors, torch.tensor([[50.0, 37.5, 150.0, 62.5]]))


def test_anchors_reach_outside_the_image() -> None:
    anchors = SSDAnchors()(LEVELS_300, (300, 300)).boxes
    assert anchors.min() < 0
    assert anchors.max() > 300


def test_lowest_can_follow_the_rule() -> None:
    assert SSDAnchors(lowest=None).per_cell(3) == [6, 6, 6]
    assert SSDAnchors(lowest=None, scale_after_last=None, aspect_ratios=[1.0]).per_cell(1) == [1]


def _sides_and_ratios(anchors: SSDAnchors, size: int, levels: int) -> list[list[tuple[float, float]]]:
    """(side in pixels, width / height) of every anchor of a cell, the squares first, as the tables of both papers."""
    shapes = [[(scale * size, ratio) for scale, ratio in level] for level in anchors.shapes(levels)]
    return [sorted(level, key=lambda shape: (shape[1] != 1, shape)) for level in shapes]


@pytest.mark.parametrize(
    ("detector", "size", "squares", "full"),
    [
        ("ssd300", 300, [30, 60, 111, 162, 213, 264, 315], [False, True, True, True, False, False]),
        ("pelee", 304, [30.4, 60.8, 112.48, 164.16, 215.84, 267.52, 319.2], [True] * 6),
    ],
)
def test_of_the_papers(detector: str, size: int, squares: list[float], full: list[bool]) -> None:
    anchors = build(compose([f"detector={detector}"]).detector.anchors)
    for level, side, after, more in zip(
        _sides_and_ratios(anchors, size, 6), squares[:-1], squares[1:], full, strict=True
    ):
        ratios = [0.5, 2.0, *([1 / 3, 3.0] if more else [])]
        expected = [(side, 1.0), (math.sqrt(side * after), 1.0), *((side, ratio) for ratio in sorted(ratios))]
        assert [pytest.approx(pair) for pair in expected] == level


def test_boxes_of_ssd300() -> None:
    """The first cell of the first level, in the order of the rule: ratios 1, 2, 1/2, then the square of the mean."""
    anchors = build(compose(["detector=ssd300"]).detector.anchors)
    boxes, cells = anchors([(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1)], (300, 300))
    assert len(boxes) == len(cells) == 8732
    center, root, mean = 300 / 38 / 2, math.sqrt(2), math.sqrt(30 * 60)
    sides = [(30, 30), (30 * root, 30 / root), (30 / root, 30 * root), (mean, mean)]
    expected = [[center - w / 2, center - h / 2, center + w / 2, center + h / 2] for w, h in sides]
    torch.testing.assert_close(boxes[:4], torch.tensor(expected))
    half = math.sqrt(264 * 315) / 2
    torch.testing.assert_close(boxes[-1], torch.tensor([150 - half, 150 - half, 150 + half, 150 + half]))


@pytest.mark.parametrize("levels", [1, 2, 3, 5, 7])
def test_the_papers_rule_holds_for_any_number_of_levels(levels: int) -> None:
    anchors = SSDAnchors(0.2, 0.88, lowest=None, scale_after_last=1.05, first_scale=0.1, end_ratios=(1.0, 2.0))
    shapes = anchors.shapes(levels)
    assert shapes[0][0] == (0.1, 1.0) and anchors.per_cell(levels)[0] == 3
    assert anchors.per_cell(levels)[1:-2] == [6] * max(levels - 3, 0)
    last = [scale for scale, _ in shapes[-1]]
    assert last[-1] == pytest.approx(math.sqrt(last[0] * 1.05))
    if levels > 2:
        assert [shapes[1][0][0], last[0]] == pytest.approx([0.2, 0.88])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_scale": 0.0}, "positive scales"),
        ({"aspect_ratios": [1.0, -2.0]}, "positive scales"),
        ({"scale_after_last": 0.0}, "positive scales"),
        ({"aspect_ratios": []}, "at least one anchor per cell"),
        ({"lowest": []}, "at least one anchor per cell"),
        ({"first_scale": -0.1}, "positive scales"),
        ({"end_ratios": [0.0]}, "positive scales"),
        ({"end_ratios": []}, "at least one anchor per cell"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SSDAnchors(**changes)


def test_given_levels_take_the_place_of_the_rule() -> None:
    levels = [[[0.5, 1.0]], [[0.8, 2.0], [0.9, 1.0]]]
    anchors = SSDAnchors(levels=levels)
    assert anchors.shapes(2) == [[(0.5, 1.0)], [(0.8, 2.0), (0.9, 1.0)]] and anchors.per_cell(2) == [1, 2]
    assert anchors([(1, 1), (1, 1)], (100, 100)).boxes[0].tolist() == [25, 25, 75, 75]
    with pytest.raises(ValueError, match=r"Expected detector.anchors.levels with 3 lists, .* but got 2"):
        anchors.shapes(3)
    for wrong in ([[[0.0, 1.0]]], [[[0.5, -1.0]]]):
        with pytest.raises(ValueError, match="Expected positive scales"):
            SSDAnchors(levels=wrong)
    with pytest.raises(ValueError, match="Expected at least one anchor per cell"):
        SSDAnchors(levels=[[[0.5, 1.0]], []])


def test_every_anchor_has_the_size_of_its_cell() -> None:
    """Cells of 30 × 20 and 90 × 40 pixels."""
    sizes = [(2, 3), (1, 1)]
    boxes, cells = SSDAnchors()(sizes, (40, 90))
    assert len(boxes) == len(cells) == 2 * 3 * 3 + 6
    assert cells.tolist() == [[30.0, 20.0]] * 18 + [[90.0, 40.0]] * 6
