"""The style of every plot and picture of this project: one palette, one style of axes, one way to save.

Figures are made without pyplot: it keeps every figure alive in a global list, and picks a window system where none is
wanted. Settings are given to each axes, not to matplotlib's global parameters, so that a user's own plots stay theirs.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.plain_text import printable

__all__ = [
    "ACCENT", "INK", "MAIN", "MUTED", "new_figure", "plain_text", "save", "style_axes", "unknown_letters_as_boxes",
]  # fmt: skip

INK = "#22272e"
MUTED = "#8a929c"
MAIN = "#0072b2"
ACCENT = "#d55e00"
_GRID = "#e4e7eb"


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure on white, its title at the top left; inches, and at least as wide as a title needs."""
    figure = Figure(figsize=(max(width, 6.5), height), layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    return figure


def plain_text(text: str) -> str:
    r"""A name as matplotlib shows it: no dollar sign begins a formula in it, and each letter can be drawn.

    Example:
        >>> plain_text("a$b$")
        'a\\$b\\$'
    """
    return printable(text).replace("$", r"\$")


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


@contextmanager
def unknown_letters_as_boxes() -> Iterator[None]:
    """While a figure is drawn: says nothing of letters that matplotlib's font lacks, as many names of classes have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def save(figure: Figure, path: str | Path, dpi: int = 140) -> Path:
    """Writes a PNG, creates its folder if needed, and returns the path.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    path, content = Path(path), io.BytesIO()
    with unknown_letters_as_boxes():
        figure.savefig(content, format="png", dpi=dpi)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.getvalue())
    return path
