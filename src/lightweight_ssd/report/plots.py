"""Plots that compare rows of an ablation: curves, accuracy vs. cost, differences, ΔmAP by error type; for print.

Rows differ in color, marker and dash at once, so that a plot stays readable in grayscale and for color-blind readers.
mAP comes as a share, 0 to 1, and is drawn in percent.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS
from lightweight_ssd.plots.palette import readable_on
from lightweight_ssd.plots.style import INK, MUTED, new_figure, save, style_axes
from lightweight_ssd.report.label_placement import name_points
from lightweight_ssd.report.mean_curve import MeanCurve, mean_curve

__all__ = [
    "accuracy_against_cost",
    "curves_with_band",
    "difference_forest",
    "lost_map_bars",
    "save_both",
]

# Okabe and Ito's colors without the yellow, which is too light for a line on white. Seven colors, four dashes and
# nine markers repeat together only after 252 rows.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22272e")
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_KIND_COLORS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#c9ced6")
_KIND_HATCHES = ("", "////", "....", "\\\\\\\\", "", "xxxx")
_GRAY = "#5f6772"  # letters on white need more contrast than MUTED has
_LONGEST_NAME = 44


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
    figure = new_figure(7.0, 4.2 + 0.17 * len(names), _short(title, 80))
    axes = figure.subplots()
    for place, (name, runs) in enumerate(zip(names, curves, strict=True)):
        _draw_curve(axes, place, _short(name), mean_curve(runs), scale=100 if percent else 1)
    style_axes(axes)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.margins(x=0.01)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1e4 else f"{x / 1000:g}k"))
    _legend_below(figure, axes)
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
    figure = new_figure(7.0, 4.4 + 0.17 * len(names), _short(title, 80))
    axes = figure.subplots()
    spread = 100 * np.nan_to_num(np.zeros(len(names)) if deviation is None else deviation)
    reach = np.zeros((2, len(names))) if cost_range is None else np.abs(np.nan_to_num(cost_range - cost))
    for place, name in enumerate(names):
        label = _short(name) + ("" if np.isfinite(cost[place] + map_50[place]) else " (not measured)")
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
    _legend_below(figure, axes)
    ours = np.stack([cost, 100 * map_50], 1)
    ours = ours[np.isfinite(ours).all(1)]
    name_points(figure, axes, np.concatenate([theirs, ours]), [row[0] for row in printed] + [""] * len(ours), _GRAY)
    return figure


def difference_forest(
    names: Sequence[str],
    intervals: Sequence[tuple[float, float, float, bool]],
    baseline: str,
    title: str = "ΔmAP@0.5 vs. baseline with its 95 % CI",
) -> Figure:
    """A line per row from the low to the high end; hollow, gray and marked n.s. where the interval includes 0.

    Args:
        names: One per row, without the baseline.
        intervals: Mean, low end, high end (shares, −1 to 1) and whether the interval excludes 0.
        baseline: Name of the row that others are compared with.
        title: Heading.
    """
    figure = new_figure(7.4, 1.4 + 0.34 * max(len(names), 1), title)
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=0.9)
    for place, (_, interval) in enumerate(zip(names, intervals, strict=True)):
        _draw_interval(axes, -place, *interval)
    _name_bars(axes, names)
    axes.set_xlabel(f"Δ vs. “{_short(baseline)}”, points of mAP@0.5")
    style_axes(axes, grid="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def lost_map_bars(
    names: Sequence[str], lost: Float[np.ndarray, "N 6"], title: str = "ΔmAP@0.5 if this error type were fixed (TIDE)"
) -> Figure:
    """A bar per row, in it a part per type of error. Each part is measured alone; their sum is no mAP.

    Args:
        names: One per row.
        lost: ΔmAP (0 to 1) if one type of error alone were fixed, in the order of `ERROR_KINDS`; a row with NaN has no
            bar.
        title: Heading.
    """
    figure = new_figure(7.4, 1.7 + 0.36 * max(len(names), 1), title)
    axes = figure.subplots()
    measured = np.isfinite(lost.sum(axis=1))
    values = 100 * np.where(measured[:, None], lost, 0)
    starts = np.cumsum(values, axis=1) - values
    widest = max(float(values.sum(1).max(initial=0)), 1e-9)
    for kind in range(len(ERROR_KINDS)):
        _draw_parts(axes, kind, values[:, kind], starts[:, kind], widest)
    for place in np.flatnonzero(~measured).tolist():
        axes.text(0.01 * widest, -place, "not measured", va="center", fontsize=8, color=_GRAY)
    _name_bars(axes, names)
    axes.set(xlim=(0, 1.02 * widest), xlabel="ΔmAP@0.5 (points), one error type fixed at a time")
    style_axes(axes, grid="x")
    _legend_below(figure, axes)
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


def _row_style(place: int) -> dict[str, Any]:
    return {
        "color": _COLORS[place % len(_COLORS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }


def _draw_point(
    axes: Axes,
    place: int,
    at: tuple[float, float],
    spread: float,
    reach: Float[np.ndarray, " 2"],
    label: str,
) -> None:
    """A row's mark, with bars over its seeds and over its cost where these are known."""
    axes.plot(*at, linestyle="none", markersize=7.5, zorder=3, label=label, **_row_style(place))
    bar = {"fmt": "none", "ecolor": _COLORS[place % len(_COLORS)], "capsize": 3, "zorder": 2}
    if spread:
        axes.errorbar(*at, yerr=spread, **bar)
    if reach.any():
        axes.errorbar(*at, xerr=reach[:, None], **bar)


def _draw_curve(axes: Axes, place: int, name: str, curve: MeanCurve, scale: int) -> None:
    """A row without values keeps its line in the legend, which says so."""
    mean, deviation, step = scale * curve.mean, scale * curve.deviation, max(1, len(curve.x) // 8)
    if np.isfinite(deviation).any():
        color = _COLORS[place % len(_COLORS)]
        axes.fill_between(curve.x, mean - deviation, mean + deviation, color=color, alpha=0.2, linewidth=0)
    if not len(curve.x):
        name += " (its runs share no range)" if curve.runs else " (no values)"
    elif curve.runs > 1:
        name += f", {curve.runs} seeds"
    line = {"linestyle": _DASHES[place % len(_DASHES)], "linewidth": 1.6, "markersize": 5}
    axes.plot(curve.x, mean, label=name, markevery=(place * step // 4 % step, step), **_row_style(place), **line)


def _draw_interval(axes: Axes, y: int, mean: float, low: float, high: float, shown: bool) -> None:
    color, width, face = (_COLORS[0], 1.8, _COLORS[0]) if shown else (_GRAY, 1.1, "white")
    axes.plot([100 * low, 100 * high], [y, y], color=color, linewidth=width, solid_capstyle="butt")
    axes.plot(100 * mean, y, marker="o", markersize=6.5, color=color, markerfacecolor=face, markeredgewidth=1.3)
    text = f"{100 * mean:+.2f}  [{100 * low:+.2f}, {100 * high:+.2f}]".replace("-", "−")
    text += "" if shown else "  n.s."
    axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=color)


def _draw_parts(
    axes: Axes, kind: int, values: Float[np.ndarray, " N"], starts: Float[np.ndarray, " N"], widest: float
) -> None:
    """One type of error in every bar, with its value where the part is wide enough for it."""
    color = _KIND_COLORS[kind]
    style = {"color": color, "hatch": _KIND_HATCHES[kind], "edgecolor": "white", "linewidth": 0.6}
    axes.barh(-np.arange(len(values)), values, left=starts, height=0.7, label=ERROR_KINDS[kind], **style)
    patch = {"facecolor": color, "edgecolor": "none", "pad": 0.8}
    for place in np.flatnonzero(values > 0.045 * widest).tolist():
        at, text = (starts[place] + values[place] / 2, -place), f"{values[place]:.1f}"
        axes.text(*at, text, ha="center", va="center", fontsize=8, color=readable_on(color), bbox=patch)


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks([-place for place in range(len(names))], [_short(name) for name in names])
    axes.set_ylim(-max(len(names), 1) + 0.4, 0.6)


def _scale_cost(axes: Axes, cost: Float[np.ndarray, " N"]) -> None:
    axes.margins(0.12)
    if cost.size and cost.min() > 0 and cost.max() >= 10 * cost.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        fitting = max(1, int(100 // (max(map(len, labels)) + 8)))
        columns = -(-len(labels) // -(-len(labels) // fitting))
        style = {"fontsize": 8, "frameon": False, "handlelength": 3, "labelcolor": INK}
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, **style)


def _short(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name of bearable length; no dollar sign begins a formula in it, and no underline hides it from a legend."""
    name = " ".join(name.split()) or "–"
    name = (name if len(name) <= longest else f"{name[: longest - 1]}…").replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
