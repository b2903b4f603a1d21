import numpy as np
import pytest
from matplotlib.text import Annotation

from lightweight_ssd.plots.style import new_figure
from lightweight_ssd.report.label_placement import name_points


def boxes_after(points: np.ndarray, names: list[str], dpi: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners of the names, centres of the points and corners of the axes as drawn at a resolution, pixels."""
    figure = new_figure(7.0, 5.0, "Names")
    axes = figure.subplots()
    axes.plot(points[:, 0], points[:, 1], "o")
    axes.margins(0.12)
    name_points(figure, axes, points, names, "black")
    figure.dpi = dpi
    figure.draw_without_rendering()
    texts = [child for child in axes.get_children() if isinstance(child, Annotation) and child.get_text()]
    corners = np.array([text.get_window_extent().extents for text in texts]).reshape(-1, 4)
    return corners, axes.transData.transform(points), np.array(axes.get_window_extent().extents)


@pytest.mark.parametrize("dpi", [72, 100, 200])
def test_names_of_a_crowd_cover_neither_points_nor_one_another(dpi: int):
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 1, (14, 2)), [[6.0, 6.0], [-6.0, -6.0]]])
    names = [f"detector number {i}" for i in range(len(points))]
    corners, centres, frame = boxes_after(points, names, dpi)
    assert len(corners) == len(names)
    for i, box in enumerate(corners):
        inside = (centres > box[:2]) & (centres < box[2:])
        assert not inside.all(1).any(), f"{names[i]} covers a point"
        assert (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all(), f"{names[i]} leaves the axes"
        for other in corners[:i]:
            assert (box[:2] >= other[2:]).any() or (box[2:] <= other[:2]).any(), f"{names[i]} covers another name"


def test_points_without_a_name_keep_names_away():
    points = np.array([[0.0, 0.0], [0.6, 0.0], [0.9, 0.0], [10.0, 1.0]])
    corners, centres, _ = boxes_after(points, ["a name as long as this", "", "", ""], 100)
    assert len(corners) == 1
    assert not ((centres > corners[0, :2]) & (centres < corners[0, 2:])).all(1).any()


def test_no_points_are_no_names():
    assert boxes_after(np.zeros((0, 2)), [], 100)[0].shape == (0, 4)
