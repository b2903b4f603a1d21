"""Anchors of given shapes: count, order, place, mistakes."""

from typing import Any

import pytest
import torch

from lightweight_ssd.anchors.generator import AnchorGenerator
from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.anchors.ssd import SSDAnchors

YOLOV3 = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156, 198], [373, 326]]]


@pytest.mark.parametrize(
    ("image", "sides", "count"), [(608, (76, 38, 19), 22_743), (416, (52, 26, 13), 10_647), (300, (38, 19, 10), 5_715)]
)
def test_counts(image: int, sides: tuple[int, ...], count: int) -> None:
    anchors = ShapeAnchors(YOLOV3)([(side, side) for side in sides], (image, image))
    assert anchors.boxes.shape == (count, 4) and anchors.cells.shape == (count, 2)
    assert torch.allclose(anchors.boxes[0], torch.tensor([-5.0, -6.5, 5.0, 6.5]) + image / sides[0] / 2)
    cell = torch.tensor([image / sides[-1]] * 2)
    assert torch.allclose(anchors.cells[-1], cell)
    assert torch.allclose(anchors.boxes[-1, 2:] - anchors.boxes[-1, :2], torch.tensor([373.0, 326.0]), atol=1e-3)


def test_order_is_level_row_column_anchor_and_cells_need_not_be_square() -> None:
    boxes, cells = ShapeAnchors([[[2, 4], [6, 2]], [[8, 8]]], scale=0.5)([(2, 1), (1, 1)], (40, 30))
    centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    assert centers.tolist() == [[15, 10], [15, 10], [15, 30], [15, 30], [15, 20]]
    assert sides.tolist() == [[1, 2], [3, 1], [1, 2], [3, 1], [4, 4]]
    assert cells.tolist() == [[30, 20]] * 4 + [[30, 40]]


def test_both_rules_are_generators() -> None:
    assert isinstance(ShapeAnchors(YOLOV3), AnchorGenerator) and isinstance(SSDAnchors(), AnchorGenerator)


@pytest.mark.parametrize(
    ("kept", "number", "message"),
    [
        (3, 5, r"levels with 5 lists of .* but got 3; give shapes .* or a backbone and a neck with 3 levels\."),
        (3, 1, r"levels with 1 list of .* but got 3; .* with 3 levels\."),
        (1, 2, r"levels with 2 lists of .* but got 1; .* with 1 level\."),
    ],
)
def test_another_number_of_levels_is_refused_in_a_sentence(kept: int, number: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShapeAnchors(YOLOV3[:kept]).per_cell(number)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": []}, "one list per level"),
        ({"levels": [[[1, 2]], []]}, "one list per level"),
        ({"levels": [[[1, 2, 3]]]}, "one list per level"),
        ({"levels": [[[1, 0]]]}, "above 0"),
        ({"levels": [[[1, 2]]], "scale": 0.0}, "scale above 0 but got 0.0"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShapeAnchors(**changes)
