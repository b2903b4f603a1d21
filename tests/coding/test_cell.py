"""YOLO's coding: the formula, its inverse, the edges of a cell, and the decoder for fixed anchors."""

import math

import pytest
import torch

from lightweight_ssd.coding.cell import CellCoder
from lightweight_ssd.coding.coder import Coder

CELLS = torch.tensor([[8.0, 8.0], [16.0, 10.0], [32.0, 32.0]])
CENTERS = torch.tensor([[4.0, 12.0], [24.0, 5.0], [48.0, 16.0]])
SIDES = torch.tensor([[10.0, 13.0], [30.0, 61.0], [116.0, 90.0]])
ANCHORS = torch.cat([CENTERS - SIDES / 2, CENTERS + SIDES / 2], dim=-1)


def test_the_formula_by_hand() -> None:
    box = CellCoder().decode(torch.tensor([math.log(3), -math.log(3), math.log(2), 0.0]), ANCHORS[0], CELLS[0])
    center = (0 + 8 * 0.75, 8 + 8 * 0.25)
    expected = [center[0] - 10, center[1] - 6.5, center[0] + 10, center[1] + 6.5]
    assert box.tolist() == pytest.approx(expected)


def test_encode_is_the_inverse() -> None:
    offsets = torch.randn(4, 3, 4, generator=torch.Generator().manual_seed(0))
    coder = CellCoder()
    assert isinstance(coder, Coder)
    boxes = coder.decode(offsets, ANCHORS, CELLS)
    torch.testing.assert_close(coder.encode(boxes, ANCHORS, CELLS), offsets, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(coder.encode(ANCHORS, ANCHORS, CELLS), torch.zeros(3, 4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("place", [0.0, 1.0, -3.0])
def test_edges_and_boxes_without_area_have_finite_offsets(place: float) -> None:
    corner = CENTERS + (place - 0.5) * CELLS
    offsets = CellCoder().encode(torch.cat([corner, corner], dim=-1), ANCHORS, CELLS)
    assert offsets.isfinite().all()
    decoded = CellCoder().decode(offsets, ANCHORS, CELLS)
    inside = CENTERS + (min(max(place, 0.0), 1.0) - 0.5) * CELLS
    torch.testing.assert_close((decoded[:, :2] + decoded[:, 2:]) / 2, inside, atol=0.01, rtol=0)


def test_a_center_never_leaves_its_cell_and_a_side_is_bounded() -> None:
    boxes = CellCoder().decode(torch.full((3, 4), 1e4), ANCHORS, CELLS)
    torch.testing.assert_close((boxes[:, :2] + boxes[:, 2:]) / 2, CENTERS + CELLS / 2)
    torch.testing.assert_close(boxes[:, 2:] - boxes[:, :2], SIDES * 62.5)


@pytest.mark.parametrize("batch", [0, 2])
def test_the_decoder_of_fixed_anchors_is_the_same(batch: int) -> None:
    offsets = 5 * torch.randn(batch, 3, 4, generator=torch.Generator().manual_seed(0))
    decoder = CellCoder().decoder(ANCHORS, CELLS)
    torch.testing.assert_close(decoder(offsets), CellCoder().decode(offsets, ANCHORS, CELLS))
    assert list(decoder.state_dict()) == [], "constants are no weights"


def test_it_needs_cells() -> None:
    with pytest.raises(ValueError, match="sizes of their cells for CellCoder but got none"):
        CellCoder().decode(torch.zeros(3, 4), ANCHORS)
