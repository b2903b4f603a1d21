"""Results class by class: precision-recall curves, average precision, and the confusion matrix."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.metrics.average_precision import Curve
from lightweight_ssd.plots.palette import readable_on
from lightweight_ssd.plots.style import ACCENT, INK, MAIN, MUTED, new_figure, plain_text, style_axes

__all__ = ["average_precision_bars", "confusion_heat_map", "precision_recall_curves"]

_MOST_CLASSES, _SHOWN_CLASSES = 30, 24
_PATCH = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def precision_recall_curves(
    curves: Sequence[Curve],
    class_names: Sequence[str],
    average_precision: Float[np.ndarray, " C"],
    title: str = "Precision-recall curves at IoU 0.5, with AP in %",
) -> Figure:
    """A small panel per class: measured precision, its interpolated envelope, and the area under that.

    Args:
        curves: One per class.
        class_names: One per curve.
        average_precision: Area of each class, 0 to 1; NaN for a class without objects.
        title: Heading.
    """
    columns = max(1, min(5, len(curves)))
    rows = max(1, -(-len(curves) // columns))
    figure = new_figure(0.6 + 2.1 * columns, 0.9 + 1.8 * rows, title)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place < len(curves):
            _draw_curve(axes, curves[place], class_names[place], float(average_precision[place]))
        else:
            axes.set_axis_off()
    figure.supxlabel("recall", fontsize=9, color=INK)
    figure.supylabel("precision", fontsize=9, color=INK)
    return figure


def average_precision_bars(
    class_names: Sequence[str],
    average_precision: Float[np.ndarray, " C"],
    objects: Integer[np.ndarray, " C"],
    title: str = "AP@0.5 per class (area under the curve)",
) -> Figure:
    """A bar per class, the best on top, with the mean as a line; classes without objects come last, without a bar.

    Args:
        class_names: C names.
        average_precision: 0 to 1, NaN without objects.
        objects: Counted (not difficult) objects per class, shown after the name.
        title: Heading.
    """
    order = np.argsort(np.nan_to_num(-average_precision, nan=1.0), kind="stable")[::-1]
    values, known = 100 * average_precision[order], ~np.isnan(average_precision[order])
    figure = new_figure(7.0, 1.4 + 0.24 * len(order), title)
    axes = figure.subplots()
    axes.barh(np.arange(len(order)), np.nan_to_num(values), color=MAIN, height=0.68)
    for y, (value, is_known) in enumerate(zip(values, known, strict=True)):
        text, color = (f"{value:.1f}", INK) if is_known else ("no objects", MUTED)
        axes.text((value if is_known else 0) + 0.8, y, text, va="center", fontsize=8, color=color, bbox=_PATCH)
    if known.any():
        mean = float(values[known].mean())
        axes.axvline(mean, color=ACCENT, linewidth=1.2)
        axes.text(mean + 0.8, len(order) - 0.4, f"mAP {mean:.1f}", color=ACCENT, fontsize=8, va="center")
    axes.set_yticks(np.arange(len(order)), [f"{plain_text(class_names[int(i)])} ({objects[i]})" for i in order])
    axes.set(xlim=(0, 106), xticks=range(0, 101, 20), ylim=(-0.6, max(len(order), 1) + 0.1))
    axes.set(xlabel="AP@0.5 (%)", ylabel="class (objects)")
    style_axes(axes, grid="x")
    return figure


def confusion_heat_map(
    matrix: Integer[np.ndarray, "K K"],
    class_names: Sequence[str],
    score_threshold: float = 0.3,
    iou_threshold: float = 0.5,
    title: str = "Confusion matrix: true vs. predicted class",
) -> Figure:
    """True vs. predicted class of objects: counts as numbers, row-normalized shares as color.

    Of more than 30 classes the 24 that are taken for one another most often are shown, the others as one, so that
    numbers and names stay readable.

    Args:
        matrix: Row true class, column predicted class, K = C + 1 with the background last.
        class_names: C names.
        score_threshold: Smallest score of the detections in the matrix.
        iou_threshold: Smallest IoU at which a detection was assigned to an object.
        title: Heading; both thresholds are added.
    """
    count = len(class_names)
    if count > _MOST_CLASSES:
        matrix, class_names = _most_confused(matrix, class_names)
        title = f"{title}; the {_SHOWN_CLASSES} most confused of {count} classes"
    names = [*map(plain_text, class_names), "background"]
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = max(5.6, 2.0 + 0.36 * len(names))
    figure = new_figure(side + 0.6, side, f"{title} (score ≥ {score_threshold:g}, IoU ≥ {iou_threshold:g})")
    axes = figure.subplots()
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        color = readable_on(picture.cmap(share[row, column]))
        axes.text(column, row, f"{matrix[row, column]}", ha="center", va="center", fontsize=7, color=color)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted class", ylabel="true class")
    style_axes(axes, grid=None)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.axhline(len(names) - 1.5, color=MUTED, linewidth=0.8)
    axes.axvline(len(names) - 1.5, color=MUTED, linewidth=0.8)
    bar = figure.colorbar(picture, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("share of the true class (row-normalized)", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK, length=2)
    bar.outline.set_visible(False)
    return figure


def _most_confused(
    matrix: Integer[np.ndarray, "K K"], class_names: Sequence[str]
) -> tuple[Integer[np.ndarray, "J J"], list[str]]:
    """The classes that are confused most often, either way, in their order; then all others as one."""
    wrong = matrix[:-1, :-1].copy()
    np.fill_diagonal(wrong, 0)
    chosen = np.sort(np.argsort(-(wrong.sum(0) + wrong.sum(1)), kind="stable")[:_SHOWN_CLASSES])
    place = np.full(len(matrix), _SHOWN_CLASSES)  # of the others
    place[chosen], place[-1] = np.arange(_SHOWN_CLASSES), _SHOWN_CLASSES + 1
    joined = np.zeros((_SHOWN_CLASSES + 2,) * 2, matrix.dtype)
    np.add.at(joined, (place[:, None], place[None]), matrix)
    return joined, [*(class_names[int(at)] for at in chosen), f"{len(class_names) - _SHOWN_CLASSES} others"]


def _draw_curve(axes: Axes, curve: Curve, name: str, average_precision: float) -> None:
    known = not np.isnan(average_precision)
    value = f"{100 * average_precision:.1f}" if known else "no objects"
    style_axes(axes, f"{plain_text(name)}  {value}")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    if not known or not len(curve.recall):
        return
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    recall, envelope = np.append(0, curve.recall), np.append(envelope[0], envelope)
    axes.fill_between(recall, envelope, step="pre", color=MAIN, alpha=0.12, linewidth=0)
    axes.plot(curve.recall, curve.precision, color=MUTED, linewidth=0.7)
    axes.step(recall, envelope, where="pre", color=MAIN, linewidth=1.3)
