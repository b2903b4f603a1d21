"""The curves of one run while it trains: losses, and the mAP of its validations."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.plots.style import ACCENT, INK, MAIN, MUTED, new_figure, style_axes

__all__ = ["training_curves"]

_LOSSES = {"train/loss": ("train", MUTED), "val/loss": ("val", MAIN)}
_MAPS = {"val/map_50": ("mAP@0.5", ACCENT), "val/map_50_95": ("mAP@0.5:0.95", MAIN)}


def training_curves(columns: Mapping[str, Float[np.ndarray, " K"]], title: str = "Training") -> Figure:
    """Two panels over the steps of the optimizer: losses, and mAP in percent with its best value.

    Args:
        columns: `step`, and by name what was logged, NaN where nothing was: `train/loss`, `val/loss`, `val/map_50`,
            `val/map_50_95`; mAP from 0 to 1. Those that are missing are not drawn.
        title: Heading.
    """
    figure = new_figure(9.5, 3.6, title)
    losses, maps = figure.subplots(1, 2)
    for name, (label, color) in _LOSSES.items():
        _draw(losses, columns, name, label, color, smooth=name.startswith("train/"))
    for name, (label, color) in _MAPS.items():
        _draw(maps, columns, name, label, color, scale=100.0)
    _mark_best(maps, columns)
    losses.set(xlabel="step")
    maps.set(xlabel="step", ylim=(0, None))
    style_axes(losses, "Loss")
    style_axes(maps, "Validation, %")
    for axes in (losses, maps):
        if axes.lines:
            axes.legend(fontsize=8, frameon=False, labelcolor=INK)
        else:
            axes.text(0.5, 0.5, "nothing yet", transform=axes.transAxes, ha="center", fontsize=8, color=MUTED)
    return figure


def _draw(
    axes: Axes,
    columns: Mapping[str, Float[np.ndarray, " K"]],
    name: str,
    label: str,
    color: str,
    scale: float = 1.0,
    smooth: bool = False,
) -> None:
    x, y = _known(columns, name)
    if not len(x):
        return
    dense = smooth and len(x) > 20
    marker = "o" if len(x) <= 60 and not smooth else None
    axes.plot(x, scale * y, color=color, linewidth=1.0, alpha=0.45 if dense else 1, marker=marker, markersize=3,
              label=None if dense else label)  # fmt: skip
    if dense:
        axes.plot(x, scale * _running_mean(y), color=color, linewidth=1.8, label=f"{label} (running mean)")


def _mark_best(axes: Axes, columns: Mapping[str, Float[np.ndarray, " K"]]) -> None:
    x, y = _known(columns, "val/map_50")
    if len(x):
        at = int(y.argmax())
        axes.annotate(f"best {100 * y[at]:.1f}", (float(x[at]), 100 * float(y[at])), xytext=(0, 5),
                      textcoords="offset points", ha="center", fontsize=8, color=ACCENT)  # fmt: skip
        axes.margins(y=0.15)


def _known(
    columns: Mapping[str, Float[np.ndarray, " K"]], name: str
) -> tuple[Float[np.ndarray, " J"], Float[np.ndarray, " J"]]:
    y = columns.get(name, np.zeros(0))
    known = np.isfinite(y)
    return columns["step"][known] if len(y) else y, y[known]


def _running_mean(values: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """Over a twentieth of all values before and after each, fewer at the ends."""
    reach = max(1, len(values) // 20)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    low = np.clip(np.arange(len(values)) - reach, 0, None)
    high = np.clip(np.arange(len(values)) + reach + 1, None, len(values))
    return (sums[high] - sums[low]) / (high - low)
