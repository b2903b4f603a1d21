from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from lightweight_ssd.report.bar_plots import difference_forest, lost_map_bars
from lightweight_ssd.report.plots import accuracy_against_cost, curves_with_band, save_both

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
