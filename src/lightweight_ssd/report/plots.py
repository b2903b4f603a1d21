"""Plots that compare rows of an ablation: curves, and accuracy against cost; `bar_plots` has the others. For print.

mAP comes as a share, 0 to 1, and is drawn in percent.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lightweight_ssd.plots.style import MUTED, new_figure, save, style_axes
from lightweight_ssd.report.label_placement import name_points
from lightweight_ssd.report.mean_curve import MeanCurve, mean_curve
from lightweight_ssd.report.plot_style import COLORS, GRAY, legend_below, row_style, short_name

__all__ = [
    "accuracy_against_cost",
    "curves_with_band",
    "save_both",
]

_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


def curves_with_band(
    names: Sequence[str],
    curves: Sequence[Sequence[tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"]]]],
    x_label: str,
    y_label: str,
    title: str,
    percent: bool = True,
) -> Figure:
    """One line per row, the mean of its runs, with a band of one standard deviation where it has several.

    Args:
        names: One per row.
        curves: Per row and run x (step, epoch or hours) and y; points with NaN in either are ignored.
        x_label: What x is, with its unit.
        y_label: What y is.
        title: Heading.
        percent: Whether y is a share that is drawn times 100.
    """
    figure = new_figure(7.0, 4.2 + 0.17 * len(names), short_name(title, 80))
    axes = figure.subplots()
    for place, (name, runs) in enumerate(zip(names, curves, strict=True)):
        _draw_curve(axes, place, short_name(name), mean_curve(runs), scale=100 if percent else 1)
    style_axes(axes)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.margins(x=0.01)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1e4 else f"{x / 1000:g}k"))
    legend_below(figure, axes)
    return figure


def accuracy_against_cost(
    names: Sequence[str],
    cost: Float[np.ndarray, " N"],
    map_50: Float[np.ndarray, " N"],
    cost_label: str,
    title: str,
    deviation: Float[np.ndarray, " N"] | None = None,
    paper_points: Sequence[tuple[str, float, float | None]] = (),
    cost_range: Float[np.ndarray, "2 N"] | None = None,
    paper_label: str = "the paper's Table 5",
) -> Figure:
    """Rows as colored points, the paper's results as gray rings with names.

    Costs that differ tenfold stand on a logarithmic scale.

    Args:
        names: One per row.
        cost: Parameters, MACs or milliseconds; NaN leaves the point out.
        map_50: 0 to 1; NaN leaves the point out.
        cost_label: What the cost is, with its unit.
        title: Heading.
        deviation: Standard deviation of `map_50` over seeds, drawn as a bar; NaN for a row with one.
        paper_points: Name, mAP from 0 to 1 and cost, in the unit of `cost`; None where the paper gives none.
        cost_range: Low and high end of each cost, drawn as a bar; NaN where there is none.
        paper_label: What the legend says of the paper's points.
    """
    figure = new_figure(7.0, 4.4 + 0.17 * len(names), short_name(title, 80))
    axes = figure.subplots()
    spread = 100 * np.nan_to_num(np.zeros(len(names)) if deviation is None else deviation)
    reach = np.zeros((2, len(names))) if cost_range is None else np.abs(np.nan_to_num(cost_range - cost))
    for place, name in enumerate(names):
        label = short_name(name) + ("" if np.isfinite(cost[place] + map_50[place]) else " (not measured)")
        at = (float(cost[place]), 100 * float(map_50[place]))
        _draw_point(axes, place, at, float(spread[place]), reach[:, place], label)
    printed = [(name, 100 * value, price) for name, value, price in paper_points if price is not None]
    theirs = np.array([(price, value) for _, value, price in printed], float).reshape(-1, 2)
    if printed:
        ring = {"marker": "o", "markersize": 6, "color": MUTED, "markerfacecolor": "none", "markeredgewidth": 1.4}
        axes.plot(*theirs.T, linestyle="none", zorder=4, label=paper_label, **ring)
    style_axes(axes)
    axes.set(xlabel=cost_label, ylabel="test mAP@0.5 (%)")
    ends = np.concatenate([cost - reach[0], cost + reach[1], theirs[:, 0]])
    _scale_cost(axes, ends[np.isfinite(ends)])
    legend_below(figure, axes)
    ours = np.stack([cost, 100 * map_50], 1)
    ours = ours[np.isfinite(ours).all(1)]
    name_points(figure, axes, np.concatenate([theirs, ours]), [row[0] for row in printed] + [""] * len(ours), GRAY)
    return figure


def save_both(figure: Figure, path_stem: str | Path) -> tuple[Path, Path]:
    """Writes a PNG and an SVG and returns both paths; equal figures give equal files.

    Args:
        figure: What to write.
        path_stem: Path without its ending; its folder is made where there is none.
    """
    stem = Path(path_stem)
    png = save(figure, stem.with_name(f"{stem.name}.png"), dpi=200)
    svg = stem.with_name(f"{stem.name}.svg")
    with matplotlib.rc_context({"svg.hashsalt": "lightweight-ssd"}):  # without it the ids in the file are random
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return png, svg


def _draw_point(
    axes: Axes,
    place: int,
    at: tuple[float, float],
    spread: float,
    reach: Float[np.ndarray, " 2"],
    label: str,
) -> None:
    """A row's mark, with bars over its seeds and over its cost where these are known."""
    axes.plot(*at, linestyle="none", markersize=7.5, zorder=3, label=label, **row_style(place))
    bar = {"fmt": "none", "ecolor": COLORS[place % len(COLORS)], "capsize": 3, "zorder": 2}
    if spread:
        axes.errorbar(*at, yerr=spread, **bar)
    if reach.any():
        axes.errorbar(*at, xerr=reach[:, None], **bar)


def _draw_curve(axes: Axes, place: int, name: str, curve: MeanCurve, scale: int) -> None:
    """A row without values keeps its line in the legend, which says so."""
    mean, deviation, step = scale * curve.mean, scale * curve.deviation, max(1, len(curve.x) // 8)
    if np.isfinite(deviation).any():
        color = COLORS[place % len(COLORS)]
        axes.fill_between(curve.x, mean - deviation, mean + deviation, color=color, alpha=0.2, linewidth=0)
    if not len(curve.x):
        name += " (its runs share no range)" if curve.runs else " (no values)"
    elif curve.runs > 1:
        name += f", {curve.runs} seeds"
    line = {"linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1.6, "markersize": 5}
    axes.plot(curve.x, mean, label=name, markevery=(place * step // 4 % step, step), **row_style(place), **line)


def _scale_cost(axes: Axes, cost: Float[np.ndarray, " N"]) -> None:
    axes.margins(0.12)
    if cost.size and cost.min() > 0 and cost.max() >= 10 * cost.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
