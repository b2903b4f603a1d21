from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS
from lightweight_ssd.report.plots import (
    accuracy_against_cost,
    curves_with_band,
    difference_forest,
    lost_map_bars,
    save_both,
)

STEPS = np.arange(0.0, 100.0, 10.0)
NAN = float("nan")


def legend_of(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def names(count: int) -> list[str]:
    return [f"row {place}" for place in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 30])
def test_plots_of_any_number_of_rows_are_written_as_png_and_svg(count: int, tmp_path: Path):
    shares = np.linspace(0.1, 0.7, count)
    figures = {
        "curves": curves_with_band(names(count), [[(STEPS, STEPS / 100)]] * count, "step", "mAP, %", "Curves"),
        "cost": accuracy_against_cost(names(count), 1 + shares, shares, "parameters, M", "Cost"),
        "forest": difference_forest(names(count), [(0.0, -0.01, 0.01, False)] * count, "baseline"),
        "lost": lost_map_bars(names(count), np.full((count, 6), 0.03)),
    }
    for stem, figure in figures.items():
        png, svg = save_both(figure, tmp_path / "new" / f"{stem}.v1")
        assert (png.name, svg.name) == (f"{stem}.v1.png", f"{stem}.v1.svg")
        assert Image.open(png).width >= 1300 and svg.read_text().startswith("<?xml")


def test_equal_figures_are_equal_files(tmp_path: Path):
    files = [
        save_both(lost_map_bars(names(2), np.full((2, 6), 0.03)), tmp_path / stem / "lost") for stem in ("one", "two")
    ]
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_a_curve_is_the_mean_of_its_runs_with_a_band_of_one_deviation():
    runs = [(STEPS, np.full(10, 0.2)), (STEPS, np.full(10, 0.4))]
    figure = curves_with_band(["two", "one"], [runs, runs[:1]], "step", "mAP, %", "Curves")
    two, one = figure.axes[0].lines
    assert np.asarray(two.get_ydata()) == pytest.approx(np.full(10, 30.0))
    assert np.asarray(one.get_ydata()) == pytest.approx(np.full(10, 20.0))
    (band,) = figure.axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((30 - 20 / np.sqrt(2), 30 + 20 / np.sqrt(2)))
    assert legend_of(figure) == ["two, 2 seeds", "one"]


def test_losses_are_not_scaled():
    figure = curves_with_band(["row"], [[(STEPS, STEPS)]], "epoch", "loss", "Loss", percent=False)
    assert np.asarray(figure.axes[0].lines[0].get_ydata()).max() == 90.0


def test_rows_without_a_line_say_why_in_the_legend():
    apart = [(np.array([1.0]), np.array([0.1])), (np.array([2.0]), np.array([0.1]))]
    figure = curves_with_band(["new", "apart"], [[], apart], "hours", "mAP, %", "Curves")
    assert legend_of(figure) == ["new (no values)", "apart (its runs share no range)"]


def test_thirty_rows_differ_in_color_marker_or_dash():
    lines = curves_with_band(names(30), [[(STEPS, STEPS)]] * 30, "step", "mAP, %", "Curves").axes[0].lines
    styles = {(to_hex(line.get_color()), line.get_marker(), str(line.get_linestyle())) for line in lines}
    assert len(styles) == 30
    assert len({line.get_marker() for line in lines[:9]}) == 9, "rows must be told apart in gray as well"


def test_points_of_rows_and_of_the_paper():
    figure = accuracy_against_cost(
        ["ours", "no cost"],
        np.array([4.86, NAN]),
        np.array([0.744, 0.7]),
        "parameters, millions",
        "Accuracy",
        np.array([0.01, NAN]),
        [("Pelee", 0.709, 5.43), ("SSD300", 0.775, 141.5), ("ThunderNet", 0.701, None)],
    )
    axes = figure.axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[4.86, pytest.approx(74.4)]]
    printed = next(line for line in axes.lines if line.get_label() == "the paper's Table 5")
    assert printed.get_xydata().tolist() == [[5.43, pytest.approx(70.9)], [141.5, 77.5]]
    assert {text.get_text() for text in axes.texts if text.get_text()} == {"Pelee", "SSD300"}
    assert legend_of(figure) == ["ours", "no cost (not measured)", "the paper's Table 5"]
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((73.4, 75.4))


@pytest.mark.parametrize(("costs", "scale"), [([4.0, 39.0], "linear"), ([4.0, 40.0], "log"), ([0.0, 40.0], "linear")])
def test_costs_that_differ_tenfold_stand_on_a_logarithmic_scale(costs: list[float], scale: str):
    figure = accuracy_against_cost(["a", "b"], np.array(costs), np.array([0.5, 0.6]), "ms", "Cost")
    assert figure.axes[0].get_xscale() == scale


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
    assert legend_of(figure) == list(ERROR_KINDS)


def test_a_long_name_is_cut():
    figure = difference_forest(["x" * 100], [(0.0, -0.1, 0.1, False)], "b")
    label = figure.axes[0].get_yticklabels()[0].get_text()
    assert len(label) == 44 and label.endswith("…")
