"""Plots with a bar or an interval per row: differences to the baseline, and ΔmAP by error type; for print.

mAP comes as a share, 0 to 1, and is drawn in percent.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS
from lightweight_ssd.plots.palette import readable_on
from lightweight_ssd.plots.style import INK, new_figure, style_axes
from lightweight_ssd.report.plot_style import COLORS, GRAY, legend_below, short_name

__all__ = ["difference_forest", "lost_map_bars"]

_KIND_COLORS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#c9ced6")
_KIND_HATCHES = ("", "////", "....", "\\\\\\\\", "", "xxxx")


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
    axes.set_xlabel(f"Δ vs. “{short_name(baseline)}”, points of mAP@0.5")
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
        axes.text(0.01 * widest, -place, "not measured", va="center", fontsize=8, color=GRAY)
    _name_bars(axes, names)
    axes.set(xlim=(0, 1.02 * widest), xlabel="ΔmAP@0.5 (points), one error type fixed at a time")
    style_axes(axes, grid="x")
    legend_below(figure, axes)
    return figure


def _draw_interval(axes: Axes, y: int, mean: float, low: float, high: float, shown: bool) -> None:
    color, width, face = (COLORS[0], 1.8, COLORS[0]) if shown else (GRAY, 1.1, "white")
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
    axes.set_yticks([-place for place in range(len(names))], [short_name(name) for name in names])
    axes.set_ylim(-max(len(names), 1) + 0.4, 0.6)
