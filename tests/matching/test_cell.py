"""Matching by place and shape against a plain double loop, without a tensor operation in it."""

import random

import pytest
import torch
from torch import Tensor

from lightweight_ssd.anchors.shapes import ShapeAnchors
from lightweight_ssd.anchors.ssd import SSDAnchors
from lightweight_ssd.matching.cell import CellMatcher
from lightweight_ssd.matching.matcher import Matcher
from lightweight_ssd.tensor_types import Anchors

IMAGE = (96, 128)
YOLO = ShapeAnchors([[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45]], [[116, 90], [56, 98], [73, 26], [9, 9]]])
GRIDS = {
    "three levels": YOLO([(12, 16), (6, 8), (3, 4)], IMAGE),
    "cells that divide no side": YOLO([(11, 9), (5, 4), (3, 1)], IMAGE),
    "one level": ShapeAnchors([[[40, 50], [100, 30]]])([(3, 4)], IMAGE),
    "a level twice": ShapeAnchors([[[20, 20]], [[40, 20]], [[20, 40], [60, 60]]])([(6, 8), (6, 8), (1, 1)], IMAGE),
    "SSD's anchors": SSDAnchors()([(12, 16), (6, 8), (3, 4), (2, 2), (1, 1)], IMAGE),
}


def by_loops(anchors: Anchors, boxes: Tensor, labels: Tensor) -> list[int]:
    """What one image's anchors learn, object after object, anchor after anchor."""
    matches, taken = [-1] * len(anchors.boxes), dict[int, float]()
    for wanted in ("objects", "ignored"):
        for number, (box, label) in enumerate(zip(boxes.tolist(), labels.tolist(), strict=True)):
            if (label >= 0) != (wanted == "objects") or label == -1:
                continue
            x, y, width, height = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
            best, place = 0.0, -1
            for index, (anchor, cell) in enumerate(zip(anchors.boxes.tolist(), anchors.cells.tolist(), strict=True)):
                center = (anchor[0] + anchor[2]) / 2, (anchor[1] + anchor[3]) / 2
                own_width, own_height = anchor[2] - anchor[0], anchor[3] - anchor[1]
                shared = min(width, own_width) * min(height, own_height)
                iou = shared / (width * height + own_width * own_height - shared)
                is_own = abs(x - center[0]) <= cell[0] / 2 and abs(y - center[1]) <= cell[1] / 2
                if iou > best + 1e-6:  # on whatever place: only then is the cell looked at
                    best, place = iou, -1
                if is_own and place < 0 and iou >= best - 1e-6:
                    place = index
            if place < 0 or (wanted == "ignored" and matches[place] >= 0):
                continue
            if wanted == "ignored":
                matches[place] = -2
            elif best > taken.get(place, 0.0):
                matches[place], taken[place] = number, best
    return matches


def objects(images: int, most: int, seed: int) -> tuple[Tensor, Tensor]:
    draw = random.Random(seed)
    boxes, labels = [], []
    for _ in range(images):
        count, width, height = draw.randint(0, most), IMAGE[1], IMAGE[0]
        row = []
        for _ in range(count):
            x, y = draw.uniform(0, width), draw.uniform(0, height)
            w, h = 2 ** draw.uniform(2, 7), 2 ** draw.uniform(2, 6.5)
            row.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        boxes.append(row + [[0.0] * 4] * (most - count))
        labels.append([draw.choice([0, 1, 2, 3, -2]) for _ in range(count)] + [-1] * (most - count))
    return torch.tensor(boxes).reshape(images, most, 4), torch.tensor(labels).reshape(images, most)


@pytest.mark.parametrize("grid", GRIDS)
def test_it_is_the_double_loop(grid: str) -> None:
    anchors, (boxes, labels) = GRIDS[grid], objects(images=6, most=12, seed=1)
    matches = CellMatcher()(anchors.boxes, boxes, labels, anchors.cells)
    assert isinstance(CellMatcher(), Matcher) and matches.dtype == torch.int64
    assert matches.tolist() == [by_loops(anchors, *image) for image in zip(boxes, labels, strict=True)]
    assert {-2, -1, 0} <= set(matches.flatten().tolist())


def test_the_better_shape_has_the_anchor_and_the_other_none() -> None:
    anchors = ShapeAnchors([[[20, 20]]])([(2, 2)], (64, 64))
    boxes = torch.tensor([[[0.0, 0.0, 30.0, 30.0], [5.0, 5.0, 26.0, 26.0], [5.0, 5.0, 26.0, 26.0]]])
    assert CellMatcher()(anchors.boxes, boxes, torch.tensor([[0, 1, 2]]), anchors.cells).tolist() == [[1, -1, -1, -1]]
    ignored = torch.tensor([[0, -2, -2]])
    assert CellMatcher()(anchors.boxes, boxes, ignored, anchors.cells).tolist() == [[0, -1, -1, -1]]
    alone = torch.tensor([[-1, -2, -1]])
    assert CellMatcher()(anchors.boxes, boxes, alone, anchors.cells).tolist() == [[-2, -1, -1, -1]]


def test_objects_on_the_edge_outside_and_without_area() -> None:
    anchors = ShapeAnchors([[[20, 20]]])([(1, 2)], (32, 64))
    edges = [[54.0, 22.0, 74.0, 42.0], [60.0, 0.0, 90.0, 30.0], [10.0, 10.0, 10.0, 30.0]]  # the corner; outside; a line
    assert CellMatcher()(anchors.boxes, torch.tensor([edges]), torch.tensor([[3, 4, 5]]), anchors.cells).tolist() == [
        [-1, 0]
    ]


@pytest.mark.parametrize(("images", "slots"), [(0, 3), (2, 0)])
def test_nothing_to_match(images: int, slots: int) -> None:
    anchors = GRIDS["one level"]
    labels = torch.zeros(images, slots, dtype=torch.int64)
    matches = CellMatcher()(anchors.boxes, torch.zeros(images, slots, 4), labels, anchors.cells)
    assert matches.shape == (images, 24) and (matches == -1).all()


def test_mistakes_are_named() -> None:
    boxes, labels = torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64)
    with pytest.raises(ValueError, match="sizes of their cells for CellMatcher but got none"):
        CellMatcher()(GRIDS["one level"].boxes, boxes, labels)
    many = ShapeAnchors([[[side, side] for side in range(1, 200)]])([(1, 1)], IMAGE)
    with pytest.raises(RuntimeError, match="at most 128 shapes"):
        CellMatcher()(many.boxes, boxes, labels, many.cells)
