"""What the plots of a report share: the look of a row, names of bearable length, and a legend below the axes.

Rows differ in color, marker and dash at once, so that a plot stays readable in grayscale and for color-blind readers.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.plots.style import INK

__all__ = ["COLORS", "GRAY", "legend_below", "row_style", "short_name"]

# Okabe and Ito's colors without the yellow, which is too light for a line on white. Seven colors, four dashes and
# nine markers repeat together only after 252 rows.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#22272e")
GRAY = "#5f6772"  # letters on white need more contrast than MUTED has
_LONGEST_NAME = 44
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")


def row_style(place: int) -> dict[str, Any]:
    """Color and marker of the row at this place, as settings of a line."""
    return {
        "color": COLORS[place % len(COLORS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }


def legend_below(figure: Figure, axes: Axes) -> None:
    """Adds a legend of what the axes show, in as many columns as fit; none where nothing has a name."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        fitting = max(1, int(100 // (max(map(len, labels)) + 8)))
        columns = -(-len(labels) // -(-len(labels) // fitting))
        style = {"fontsize": 8, "frameon": False, "handlelength": 3, "labelcolor": INK}
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, **style)


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name of bearable length; no dollar sign begins a formula in it, and no underline hides it from a legend."""
    name = " ".join(name.split()) or "–"
    name = (name if len(name) <= longest else f"{name[: longest - 1]}…").replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
