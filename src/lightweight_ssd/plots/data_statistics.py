"""Statistics of a split: objects per class, their size and aspect ratio, and where the anchors are."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.plots.style import ACCENT, INK, MAIN, MUTED, new_figure, plain_text, style_axes

__all__ = ["BoxesAtInput", "data_statistics"]

_LEVEL_COLORS = ("#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#22272e", "#7a6be0")
_PANELS = (2.2, 2.2, 4.6)  # heights on the right, inches
_MOST_POINTS = 4000  # of the cloud of boxes; more only make one another invisible


class BoxesAtInput(NamedTuple):
    """Boxes and anchors at the network's input.

    Attributes:
        sides: Width and height of each box, pixels.
        labels: Class index of each box.
        matched: Which boxes an anchor overlaps with an IoU of at least 0.5.
        anchors: Width and height of every anchor of a cell, pixels, per level.
    """

    sides: Float[np.ndarray, "N 2"]
    labels: Int[np.ndarray, " N"]
    matched: Bool[np.ndarray, " N"]
    anchors: list[list[tuple[float, float]]]


def data_statistics(
    annotations: PackedAnnotations, title: str = "Objects of the split", at_input: BoxesAtInput | None = None
) -> Figure:
    """Three histograms of one split: labels, relative box size, box aspect; and the boxes beside the anchors.

    Crowd regions appear only in the first, as a part of their own.

    Args:
        annotations: The split.
        title: Heading; the numbers of images and objects are added.
        at_input: Boxes and anchors for the fourth part; None leaves it out.
    """
    heading = f"{title}: {_counts(annotations)}"
    panels = _PANELS[: 2 if at_input is None else 3]  # of a fixed height, however many classes stand on the left
    height = max(sum(panels), 1.3 + 0.22 * len(annotations.class_names))
    figure = new_figure(10.5, height, heading)
    ratios = [*panels, max(height - sum(panels), 0.01)]
    grid = figure.add_gridspec(len(ratios), 2, width_ratios=(1.1, 1), height_ratios=ratios)
    _labels(figure.add_subplot(grid[:, 0]), annotations, at_input)
    _sizes(figure.add_subplot(grid[0, 1]), annotations)
    _aspects(figure.add_subplot(grid[1, 1]), annotations)
    if at_input is not None:
        _anchors(figure.add_subplot(grid[2, 1]), at_input)
    return figure


def _counts(annotations: PackedAnnotations) -> str:
    crowds = int(annotations.crowd.sum())
    difficult = int((annotations.difficult & ~annotations.crowd).sum())
    words = [f"{len(annotations):,} images, {len(annotations.labels) - crowds:,} objects, {difficult:,} difficult"]
    return ", ".join([*words, f"{crowds:,} crowd{'s' if crowds > 1 else ''}"] if crowds else words)


def _labels(axes: Axes, annotations: PackedAnnotations, at_input: BoxesAtInput | None) -> None:
    names = annotations.class_names
    parts = {
        "counted": (MAIN, ~annotations.difficult & ~annotations.crowd),
        "difficult": (ACCENT, annotations.difficult & ~annotations.crowd),
        "crowds": (MUTED, annotations.crowd),
    }
    counts = {
        part: np.bincount(annotations.labels[chosen], minlength=len(names)) for part, (_, chosen) in parts.items()
    }
    objects, crowds = counts["counted"] + counts["difficult"], counts["crowds"]
    order = np.argsort(objects, kind="stable")
    y, left = np.arange(len(names)), np.zeros(len(names), int)
    for part, (color, _) in parts.items():
        if part != "crowds" or crowds.any():
            axes.barh(y, counts[part][order], left=left, color=color, height=0.7, label=part)
        left = left + counts[part][order]
    for place, row in enumerate(order):
        text = f" {objects[row]:,}" + (f" + {crowds[row]:,}" if crowds[row] else "")
        if at_input is not None and objects[row]:
            text += f" · {100 * float((~at_input.matched[at_input.labels == row]).mean()):.0f} %"
        axes.text(left[place], place, text, va="center", fontsize=7.5, color=INK)
    axes.set_yticks(y, [plain_text(names[i]) for i in order])
    room, label = (1.12, "objects") if at_input is None else (1.25, "objects; % that no anchor matches at IoU 0.5")
    axes.set(xlabel=label, xlim=(0, room * max(1, left.max(initial=0))), ylim=(-0.7, max(len(names), 1) - 0.3))
    # Above the bars, beside the title: within the axes it would cover some of them.
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2, "ncols": 3}
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, columnspacing=1.2, handlelength=1.4, **place)
    style_axes(axes, "Objects per class", grid="x")


def _sizes(axes: Axes, annotations: PackedAnnotations) -> None:
    """Square root of box area over image area: the range that the scales of the anchors have to cover."""
    images = np.repeat(annotations.sizes.prod(1), np.diff(annotations.offsets))[~annotations.crowd]
    sides = _sides(annotations)
    relative = np.sqrt(sides.prod(1) / np.maximum(images, 1))
    axes.hist(relative, bins=np.linspace(0, 1, 41).tolist(), color=MAIN)
    _mark_median(axes, relative, "{:.2f}")
    axes.set(xlim=(0, 1), xlabel="√(box area / image area)", ylabel="objects")
    style_axes(axes, "Box size", grid="y")


def _aspects(axes: Axes, annotations: PackedAnnotations) -> None:
    sides = np.maximum(_sides(annotations), 1e-6)
    aspect = np.clip(sides[:, 0] / sides[:, 1], 1 / 8, 8)
    axes.hist(aspect, bins=np.geomspace(1 / 8, 8, 41).tolist(), color=MAIN)
    _mark_median(axes, aspect, "{:.2f}")
    axes.set_xscale("log", base=2)
    ticks = {1 / 8: "≤1/8", 1 / 4: "1/4", 1 / 2: "1/2", 1: "1", 2: "2", 4: "4", 8: "≥8"}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set(xlim=(1 / 8, 8), xlabel="width / height", ylabel="objects")
    style_axes(axes, "Box aspect ratio", grid="y")


def _anchors(axes: Axes, at_input: BoxesAtInput) -> None:
    """Width against height of boxes, with the anchors of each level on top."""
    step = max(1, -(-len(at_input.sides) // _MOST_POINTS))
    sides, matched = np.maximum(at_input.sides[::step], 1), at_input.matched[::step]
    for name, color, chosen in (("matched", MAIN, matched), ("no anchor matches", ACCENT, ~matched)):
        share = f"{100 * float((at_input.matched == (name == 'matched')).mean()):.1f} %" if len(matched) else "none"
        axes.plot(*sides[chosen].T, ".", color=color, markersize=2.5, alpha=0.35, label=f"{name}: {share}")
    for number, level in enumerate(at_input.anchors):
        look = {"marker": "s", "markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.6, "linestyle": "none"}
        color = _LEVEL_COLORS[number % len(_LEVEL_COLORS)]
        axes.plot(*np.array(level).T, color=color, label=f"anchors, level {number + 1}", zorder=4, **look)
    ends = np.concatenate([sides.ravel(), np.ravel([each for level in at_input.anchors for each in level])])
    span = (max(1.0, 0.8 * float(ends.min())), 1.25 * float(ends.max()))
    axes.set(xscale="log", yscale="log", xlim=span, ylim=span, xlabel="width (px)", ylabel="height (px)")
    for axis in (axes.xaxis, axes.yaxis):
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if span[0] <= tick <= span[1]]
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
        axis.set_minor_locator(NullLocator())
    legend = axes.legend(
        fontsize=7, frameon=False, labelcolor=INK, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.05)
    )
    for handle in legend.legend_handles[:2]:
        assert isinstance(handle, Line2D)
        handle.set(alpha=1, markersize=6)
    style_axes(axes, "Boxes and anchors at the network's input")


def _sides(annotations: PackedAnnotations) -> np.ndarray:
    """Widths and heights of the objects, pixels."""
    boxes = annotations.boxes[~annotations.crowd]
    return boxes[:, 2:] - boxes[:, :2]


def _mark_median(axes: Axes, values: np.ndarray, form: str) -> None:
    if not values.size:
        axes.text(0.5, 0.5, "no objects", transform=axes.transAxes, ha="center", fontsize=8, color=MUTED)
        return
    median = float(np.median(values))
    axes.axvline(median, color=ACCENT, linewidth=1.2)
    axes.annotate(
        "median " + form.format(median),
        (median, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3, -3),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=ACCENT,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
    )
