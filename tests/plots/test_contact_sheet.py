from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.plots.contact_sheet import contact_sheet
from lightweight_ssd.plots.style import save


def pictures(count: int, height: int = 30, width: int = 40) -> list[np.ndarray]:
    return [np.full((height, width, 3), 10 * number, np.uint8) for number in range(count)]


@pytest.mark.parametrize("count", [1, 3, 5, 16])
def test_every_pair_stands_side_by_side_under_its_captions(count: int, tmp_path: Path):
    captions = [(f"left {number}", f"right {number}") for number in range(count)]
    figure = contact_sheet(pictures(count), pictures(count, 32, 32), captions, "title")
    shown = [axes.get_title(loc="left") for axes in figure.axes]
    assert shown == [caption for pair in captions for caption in pair]
    assert [len(axes.images[0].get_array()) for axes in figure.axes] == [30, 32] * count  # pyright: ignore
    assert save(figure, tmp_path / "sheet.png", dpi=30).stat().st_size > 500
    left, right = (axes.get_position() for axes in figure.axes[:2])
    assert left.x1 <= right.x0 and left.y1 == pytest.approx(right.y1, abs=0.01)


def test_any_shape_of_picture_fits(tmp_path: Path):
    odd = [np.zeros((300, 3, 3), np.uint8), np.zeros((1, 400, 3), np.uint8)]
    figure = contact_sheet(odd, odd, [("a", "b")] * 2, "title")
    assert figure.get_figheight() < 4
    assert save(figure, tmp_path / "sheet.png", dpi=30).stat().st_size > 500


def test_an_empty_sheet_can_be_saved(tmp_path: Path):
    assert save(contact_sheet([], [], [], "nothing"), tmp_path / "sheet.png").stat().st_size > 0


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="got 2, 1 and 0: pass one of each per image"):
        contact_sheet(pictures(2), pictures(1), [], "title")
