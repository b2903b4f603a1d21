"""Plots with a bar or an interval per row say what is inconclusive, and which part is which."""

import numpy as np
import pytest

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS
from lightweight_ssd.report.bar_plots import difference_forest, lost_map_bars

NAN = float("nan")


def test_an_inconclusive_difference_is_hollow_and_marked():
    intervals = [(0.012, 0.004, 0.02, True), (0.002, -0.006, 0.01, False), (-0.0131, -0.021, -0.005, True)]
    figure = difference_forest(["up", "none", "down"], intervals, "the baseline")
    axes = figure.axes[0]
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    assert [face == "white" for face in faces] == [False, True, False]
    assert [text.get_text() for text in axes.texts] == [
        "+1.20  [+0.40, +2.00]",
        "+0.20  [−0.60, +1.00]  n.s.",
        "−1.31  [−2.10, −0.50]",
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["up", "none", "down"]
    assert "the baseline" in axes.get_xlabel()


def test_parts_of_a_bar_stand_side_by_side_in_the_order_of_the_kinds():
    lost = np.array([[0.03, 0.05, 0.01, 0.0, 0.06, 0.07], [NAN] * 6])
    figure = lost_map_bars(["one", "unknown"], lost)
    axes = figure.axes[0]
    first = [container.patches[0] for container in axes.containers]
    assert [patch.get_width() for patch in first] == pytest.approx([3, 5, 1, 0, 6, 7])
    assert [patch.get_x() for patch in first] == pytest.approx([0, 3, 8, 9, 9, 15])
    assert [container.patches[1].get_width() for container in axes.containers] == [0] * 6
    assert [text.get_text() for text in axes.texts] == ["3.0", "5.0", "1.0", "6.0", "7.0", "not measured"]
    assert [text.get_text() for legend in figure.legends for text in legend.get_texts()] == list(ERROR_KINDS)


def test_a_long_name_is_cut():
    figure = difference_forest(["x" * 100], [(0.0, -0.1, 0.1, False)], "b")
    label = figure.axes[0].get_yticklabels()[0].get_text()
    assert len(label) == 44 and label.endswith("…")
