"""Names beside points, moved apart until they neither cover one another nor a point.

Points are named one after another; each name takes the cheapest of a few dozen places around its point, near ones
first. That is not the optimal arrangement, but it is fast, deterministic, and good for some twenty names.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from lightweight_ssd.plots.style import MUTED

__all__ = ["name_points"]

_DIRECTIONS = np.deg2rad((0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200, 65, 115, 245, 295))
_GAPS = (6.0, 12.0, 20.0, 30.0, 44.0, 60.0)  # from the point to the nearest edge of its name, points (1/72 inch)
_LEADER_FROM = 12.0
_POINT = 4.5  # half the side that a marker takes, points (1/72 inch)


def name_points(
    figure: Figure,
    axes: Axes,
    points: Float[np.ndarray, "N 2"],
    names: Sequence[str],
    color: str,
    size: float = 7.5,
) -> None:
    """Writes a name beside each point; a thin line leads to names that had to move away.

    Call it last, when limits and scales are final: places are chosen in the finished layout.

    Args:
        figure: Figure of the axes.
        axes: Where the points are.
        points: x and y in the units of the axes; the first ones get the better places.
        names: One per point; where it is empty, the point only keeps names away.
        color: Of the letters.
        size: Of the letters, points (1/72 inch).
    """
    figure.draw_without_rendering()  # the layout decides how many pixels a unit has
    to_points = 72 / figure.dpi
    centres = axes.transData.transform(points) * to_points if len(points) else np.zeros((0, 2))
    frame = axes.get_window_extent()
    inside = np.array([frame.x0, frame.y0, frame.x1, frame.y1]) * to_points
    taken = [np.concatenate([centre - _POINT, centre + _POINT]) for centre in centres]
    for centre, point, name in zip(centres, points, names, strict=True):
        if not name:
            continue
        at = (float(point[0]), float(point[1]))
        text = axes.annotate(name, at, (0, 0), textcoords="offset points", fontsize=size, color=color, va="center")
        text.set_in_layout(False)
        extent = text.get_window_extent()
        box, gap = _cheapest(centre, _size(extent, to_points), np.array(taken), inside)
        _anchor(text, box - np.tile(centre, 2))
        taken.append(box)
        if gap >= _LEADER_FROM:
            _lead(axes, at, centre, box)


def _anchor(text: Annotation, box: Float[np.ndarray, " 4"]) -> None:
    """Anchors the name at the edge that faces its point: letters are a little wider in some formats than in others."""
    x, side = (box[0], "left") if box[0] >= 0 else (box[2], "right") if box[2] <= 0 else (box[[0, 2]].mean(), "center")
    text.set_position((float(x), float(box[[1, 3]].mean())))
    text.set_horizontalalignment(side)


def _size(extent: Bbox, to_points: float) -> Float[np.ndarray, " 2"]:
    return np.array([extent.width, extent.height]) * to_points


def _cheapest(
    centre: Float[np.ndarray, " 2"],
    size: Float[np.ndarray, " 2"],
    taken: Float[np.ndarray, "K 4"],
    inside: Float[np.ndarray, " 4"],
) -> tuple[Float[np.ndarray, " 4"], float]:
    """The place that covers least and lies nearest, and its gap."""
    best, cost, chosen = np.zeros(4), np.inf, 0.0
    for gap in _GAPS:
        for turn, angle in enumerate(_DIRECTIONS):
            way = np.array([np.cos(angle), np.sin(angle)])
            corner = centre + way * (gap + size / 2) - size / 2
            box = np.concatenate([corner, corner + size])
            price = 5 * _covered(box, taken) + 50 * _outside(box, inside) + 3 * gap + 0.2 * turn
            if price < cost:
                best, cost, chosen = box, price, gap
    return best, chosen


def _covered(box: Float[np.ndarray, " 4"], taken: Float[np.ndarray, "K 4"]) -> float:
    """Area of the box that is already taken, with a margin of one point; square points."""
    sides = np.minimum(box[2:], taken[:, 2:] + 1) - np.maximum(box[:2], taken[:, :2] - 1)
    return float(np.maximum(sides, 0).prod(1).sum())


def _outside(box: Float[np.ndarray, " 4"], inside: Float[np.ndarray, " 4"]) -> float:
    return float(np.maximum(inside[:2] - box[:2], 0).sum() + np.maximum(box[2:] - inside[2:], 0).sum())


def _lead(
    axes: Axes, point: tuple[float, float], centre: Float[np.ndarray, " 2"], box: Float[np.ndarray, " 4"]
) -> None:
    x, y = (np.clip(centre, box[:2], box[2:]) - centre).tolist()
    line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    axes.annotate("", point, (x, y), textcoords="offset points", arrowprops=line).set_in_layout(False)
