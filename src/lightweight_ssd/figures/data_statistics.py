"""What a split holds: objects per class, how large they are in their images, and how wide for their height."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.annotations import PackedAnnotations
from lightweight_ssd.figure_style import ACCENT, INK, MAIN, MUTED, new_figure, style_axes

__all__ = ["data_statistics"]


def data_statistics(annotations: PackedAnnotations, title: str = "Objects of the split") -> Figure:
    """Three histograms of one split: labels, relative box size, box aspect.

    Args:
        annotations: The split.
        title: Heading; the numbers of images and objects are added.
    """
    objects = len(annotations.labels)
    heading = f"{title}: {len(annotations)} images, {objects} objects, {int(annotations.difficult.sum())} difficult"
    height = max(4.4, 1.3 + 0.22 * len(annotations.class_names))
    figure = new_figure(10.5, height, heading)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.1, 1))
    _labels(figure.add_subplot(grid[:, 0]), annotations)
    _sizes(figure.add_subplot(grid[0, 1]), annotations)
    _aspects(figure.add_subplot(grid[1, 1]), annotations)
    return figure


def _labels(axes: Axes, annotations: PackedAnnotations) -> None:
    names = annotations.class_names
    counts = np.bincount(annotations.labels, minlength=len(names))
    difficult = np.bincount(annotations.labels[annotations.difficult], minlength=len(names))
    order = np.argsort(counts, kind="stable")
    y = np.arange(len(names))
    axes.barh(y, (counts - difficult)[order], color=MAIN, height=0.7, label="counted")
    axes.barh(y, difficult[order], left=(counts - difficult)[order], color=ACCENT, height=0.7, label="difficult")
    for place, count in enumerate(counts[order]):
        axes.text(count, place, f" {count}", va="center", fontsize=7.5, color=INK)
    axes.set_yticks(y, [names[i] for i in order])
    axes.set(xlabel="objects", xlim=(0, 1.12 * max(1, counts.max(initial=0))), ylim=(-0.7, max(len(names), 1) - 0.3))
    axes.legend(loc="lower right", fontsize=8, frameon=False, labelcolor=INK)
    style_axes(axes, "Objects per class", grid="x")


def _sizes(axes: Axes, annotations: PackedAnnotations) -> None:
    """Side of the square of a box's area over that of its image: what the scales of the anchors have to cover."""
    images = np.repeat(annotations.sizes.prod(1), np.diff(annotations.offsets))
    sides = annotations.boxes[:, 2:] - annotations.boxes[:, :2]
    relative = np.sqrt(sides.prod(1) / np.maximum(images, 1))
    axes.hist(relative, bins=np.linspace(0, 1, 41).tolist(), color=MAIN)
    _mark_median(axes, relative, "{:.2f}")
    axes.set(xlim=(0, 1), xlabel="√(box area / image area)", ylabel="objects")
    style_axes(axes, "Box size", grid="y")


def _aspects(axes: Axes, annotations: PackedAnnotations) -> None:
    sides = np.maximum(annotations.boxes[:, 2:] - annotations.boxes[:, :2], 1e-6)
    aspect = np.clip(sides[:, 0] / sides[:, 1], 1 / 8, 8)
    axes.hist(aspect, bins=np.geomspace(1 / 8, 8, 41).tolist(), color=MAIN)
    _mark_median(axes, aspect, "{:.2f}")
    axes.set_xscale("log", base=2)
    ticks = {1 / 8: "≤1/8", 1 / 4: "1/4", 1 / 2: "1/2", 1: "1", 2: "2", 4: "4", 8: "≥8"}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set(xlim=(1 / 8, 8), xlabel="width / height", ylabel="objects")
    style_axes(axes, "Box aspect", grid="y")


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
