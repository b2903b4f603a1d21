"""Statistics of a split: objects per class, their size relative to the image, and their aspect ratio."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.plots.style import ACCENT, INK, MAIN, MUTED, new_figure, plain_text, style_axes

__all__ = ["data_statistics"]


def data_statistics(annotations: PackedAnnotations, title: str = "Objects of the split") -> Figure:
    """Three histograms of one split: labels, relative box size, box aspect.

    Crowd regions appear only in the first, as a part of their own.

    Args:
        annotations: The split.
        title: Heading; the numbers of images and objects are added.
    """
    heading = f"{title}: {_counts(annotations)}"
    height = max(4.4, 1.3 + 0.22 * len(annotations.class_names))
    figure = new_figure(10.5, height, heading)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.1, 1))
    _labels(figure.add_subplot(grid[:, 0]), annotations)
    _sizes(figure.add_subplot(grid[0, 1]), annotations)
    _aspects(figure.add_subplot(grid[1, 1]), annotations)
    return figure


def _counts(annotations: PackedAnnotations) -> str:
    crowds = int(annotations.crowd.sum())
    difficult = int((annotations.difficult & ~annotations.crowd).sum())
    words = [f"{len(annotations):,} images, {len(annotations.labels) - crowds:,} objects, {difficult:,} difficult"]
    return ", ".join([*words, f"{crowds:,} crowd{'s' if crowds > 1 else ''}"] if crowds else words)


def _labels(axes: Axes, annotations: PackedAnnotations) -> None:
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
        axes.text(left[place], place, text, va="center", fontsize=7.5, color=INK)
    axes.set_yticks(y, [plain_text(names[i]) for i in order])
    axes.set(xlabel="objects", xlim=(0, 1.12 * max(1, left.max(initial=0))), ylim=(-0.7, max(len(names), 1) - 0.3))
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
