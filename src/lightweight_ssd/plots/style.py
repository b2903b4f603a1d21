"""The style of every plot and picture of this project: one palette, one style of axes, one way to save.

Figures are made without pyplot: it keeps every figure alive in a global list, and picks a window system where none is
wanted. Settings are given to each axes, not to matplotlib's global parameters, so that a user's own plots stay theirs.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

__all__ = ["ACCENT", "INK", "MAIN", "MUTED", "class_colors", "new_figure", "readable_on", "save", "style_axes"]

INK = "#22272e"
MUTED = "#8a929c"
MAIN = "#0072b2"
ACCENT = "#d55e00"
_GRID = "#e4e7eb"

# Light enough for lines on dark photographs. Neighbours differ in lightness as well as in hue, which is what
# color-blind readers go by; names stand beside colors wherever classes must be told apart.
# fmt: off
_CLASSES = (
    "#3b8fdb", "#e69f00", "#2ca25f", "#e05a7a", "#56c7e9", "#a64ca6", "#f0e05a", "#7a6be0", "#e3611c", "#3fc1a8",
    "#d04fa0", "#a3b82f", "#5b7fd6", "#f2966b", "#58c04a", "#d99ad0", "#86b6e8", "#b9703f", "#cbe05a", "#b4b4b4",
)
# fmt: on


def class_colors(count: int) -> list[str]:
    """One color per class as '#rrggbb'; from the twenty-first on they repeat in lighter tints.

    Example:
        >>> class_colors(2)
        ['#3b8fdb', '#e69f00']
        >>> len(set(class_colors(80)))
        80
    """
    return [_tint(_CLASSES[i % len(_CLASSES)], i // len(_CLASSES)) for i in range(count)]


def readable_on(color: ColorType) -> str:
    """Black or white, whichever has the higher contrast on the color (relative luminance of WCAG 2).

    Example:
        >>> readable_on("#0072b2"), readable_on("#e69f00")
        ('#ffffff', '#000000')
    """
    linear = np.array(to_rgb(color)) ** 2.2
    return "#ffffff" if linear @ (0.2126, 0.7152, 0.0722) < 0.18 else "#000000"


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure on white, its title at the top left; inches, and at least as wide as a title needs."""
    figure = Figure(figsize=(max(width, 6.5), height), layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    return figure


def style_axes(axes: Axes, title: str = "", grid: str | None = "both") -> None:
    """Thin ticks, no box around the data, a faint grid behind it (`grid`: 'x', 'y', 'both' or None)."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(labelsize=8, colors=INK, length=2, color=MUTED)
    axes.xaxis.label.set(fontsize=9, color=INK)
    axes.yaxis.label.set(fontsize=9, color=INK)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, fontsize=9, color=INK, loc="left")
    if grid == "x" or grid == "both":
        axes.xaxis.grid(True, color=_GRID, linewidth=0.7)
    if grid == "y" or grid == "both":
        axes.yaxis.grid(True, color=_GRID, linewidth=0.7)


def save(figure: Figure, path: str | Path, dpi: int = 140) -> Path:
    """Writes a PNG, creates its folder if needed, and returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=dpi)
    return path


def _tint(color: str, turn: int) -> str:
    share = 1 / (1 + 0.45 * turn)
    channels = (round(255 * (1 - (1 - value) * share)) for value in to_rgb(color))
    return "#{:02x}{:02x}{:02x}".format(*channels)
