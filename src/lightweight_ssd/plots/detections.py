"""Boxes on images: a single image with crisp labels, and a gallery of detections beside the ground truth."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw, ImageFont

from lightweight_ssd.plots.box_labels import place_labels
from lightweight_ssd.plots.palette import class_colors, readable_on
from lightweight_ssd.plots.style import INK, MUTED, new_figure, plain_text
from lightweight_ssd.system.plain_text import printable
from lightweight_ssd.types import Annotation

if TYPE_CHECKING:  # drawing boxes needs no PyTorch
    from lightweight_ssd.tensor_types import Detections

__all__ = ["detection_gallery", "draw_boxes"]

# Points: the longer side of an image in the gallery, and a letter and a line of its labels.
_PANEL, _LETTER, _LINE = 185.0, 4.4, 12.0


def draw_boxes(
    image: UInt8[np.ndarray, "H W 3"],
    boxes: Float[np.ndarray, "N 4"],
    labels: Integer[np.ndarray, " N"],
    class_names: Sequence[str],
    scores: Float[np.ndarray, " N"] | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """Draws boxes with their class and score; lines and letters scale with the image, boxes of higher score are on top.

    Args:
        image: RGB.
        boxes: xyxy, pixels of the image; clipped to the image, empty boxes are left out.
        labels: Class index, from 0.
        class_names: Names in the order of the labels.
        scores: 0 to 1, shown after the class.

    Returns:
        A new image of the same size.

    Example:
        >>> image = np.full((60, 80, 3), 255, np.uint8)
        >>> drawn = draw_boxes(image, np.array([[10.0, 20.0, 50.0, 50.0]]), np.array([0]), ("cat",))
        >>> drawn.shape, bool((drawn != image).any())
        ((60, 80, 3), True)
    """
    height, width = image.shape[:2]
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    thickness = max(2, round(min(height, width) / 200))
    font = _font(int(np.clip(min(height, width) / 24, 10, 48)))
    colors = class_colors(len(class_names))
    boxes = np.clip(np.nan_to_num(boxes), 0, (width, height, width, height))
    order = np.arange(len(boxes))[::-1] if scores is None else np.argsort(scores, kind="stable")
    shown = [i for i in order.tolist() if (boxes[i, 2:] > boxes[i, :2]).all()]
    corners = {i: _pixels(boxes[i], width, height) for i in shown}
    for i in shown:
        draw.rectangle(corners[i], outline=colors[int(labels[i])], width=thickness)
    names = [printable(class_names[int(labels[i])]) + ("" if scores is None else f" {scores[i]:.2f}") for i in shown]
    sizes = np.array([_label_size(draw, name, font) for name in names], np.float64).reshape(-1, 2)
    outlines = np.array([corners[i] for i in shown], np.float64).reshape(-1, 4)
    places = place_labels(outlines[::-1], sizes[::-1], width, height)[::-1]  # the best box chooses first
    for i, name, place, size in zip(shown, names, places, sizes, strict=True):
        _draw_label(draw, place, size, name, colors[int(labels[i])], font)
    return np.asarray(canvas).copy()


def detection_gallery(
    images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    annotations: Sequence[Annotation],
    detections: "Sequence[Detections]",
    class_names: Sequence[str],
    score_threshold: float = 0.3,
    title: str = "Ground truth and detections",
) -> Figure:
    """Two panels per image: ground truth (difficult objects dashed) and detections; two images in a row.

    Args:
        images: RGB, as in the image files; sizes may differ.
        annotations: One per image.
        detections: One per image, boxes in pixels of the image file.
        class_names: Names in the order of the labels.
        score_threshold: Detections below it are not drawn.
        title: Heading.

    Raises:
        ValueError: If the three lists differ in length.
    """
    if not len(images) == len(annotations) == len(detections):
        raise ValueError(
            f"Expected as many annotations and detections as images but got {len(images)} images, "
            f"{len(annotations)} annotations and {len(detections)} detections; pass one of each per image."
        )
    ratios = [float(np.clip(image.shape[0] / image.shape[1], 0.4, 1.0)) for image in images]
    pairs = 2 if len(images) > 1 else 1  # images beside one another, two panels each
    rows = [max(ratios[first : first + pairs]) for first in range(0, len(images), pairs)]
    figure = new_figure(5.6 * pairs, 0.7 + sum(2.7 * ratio + 0.35 for ratio in rows), title)
    if not images:
        return figure
    grid = figure.subplots(len(rows), 2 * pairs, squeeze=False, gridspec_kw={"height_ratios": rows}).reshape(-1, 2)
    for panel in grid[len(images) :].ravel():
        panel.set_axis_off()
    for (left, right), image, annotation, found in zip(grid, images, annotations, detections, strict=False):
        name = plain_text(Path(annotation.path).name)
        dashed = " (dashed: difficult)" if annotation.difficult.any() else ""
        _show(left, image, f"{name} · ground truth{dashed}")
        _add_boxes(left, annotation.boxes, annotation.labels, class_names, dashed=annotation.difficult)
        scores = found.scores.detach().float().cpu().numpy()
        keep = scores >= score_threshold
        boxes, labels = found.boxes.detach().float().cpu().numpy()[keep], found.labels.cpu().numpy()[keep]
        _show(right, image, f"detections, score ≥ {score_threshold:g}")
        _add_boxes(right, boxes, labels, class_names, scores=scores[keep])
    return figure


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font differs between its builds and knows few letters; matplotlib always ships this one.
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def _pixels(box: Float[np.ndarray, " 4"], width: int, height: int) -> tuple[int, int, int, int]:
    """First and last pixel of a box, both inside the image."""
    left, top = int(min(box[0], width - 1)), int(min(box[1], height - 1))
    return left, top, max(left, int(np.ceil(box[2])) - 1), max(top, int(np.ceil(box[3])) - 1)


def _label_size(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Width and height of a label, pixels."""
    ascent, descent = font.getmetrics()
    return int(np.ceil(draw.textlength(text, font))) + 2 * _margin(font), ascent + descent + _margin(font)


def _margin(font: ImageFont.FreeTypeFont) -> int:
    return max(2, round(font.size / 6))


def _draw_label(
    draw: ImageDraw.ImageDraw,
    place: Float[np.ndarray, " 2"],
    size: Float[np.ndarray, " 2"],
    text: str,
    color: str,
    font: ImageFont.FreeTypeFont,
) -> None:
    x, y = place.tolist()
    draw.rectangle((x, y, *(place + size - 1).tolist()), fill=color)
    draw.text((x + _margin(font), y + _margin(font) / 2), text, fill=readable_on(color), font=font)


def _show(axes: Axes, image: UInt8[np.ndarray, "H W 3"], title: str) -> None:
    axes.imshow(image, interpolation="lanczos")
    axes.set_title(title, fontsize=8, color=INK, loc="left", pad=4)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color=MUTED, linewidth=0.5)


def _add_boxes(
    axes: Axes,
    boxes: Float[np.ndarray, "N 4"],
    labels: Integer[np.ndarray, " N"],
    class_names: Sequence[str],
    scores: Float[np.ndarray, " N"] | None = None,
    dashed: Bool[np.ndarray, " N"] | None = None,
) -> None:
    """Boxes in points on the page, so that lines and letters stay sharp; the first boxes lie on top."""
    colors = class_colors(len(class_names))
    width, height = axes.get_xlim()[1] + 0.5, axes.get_ylim()[0] + 0.5
    texts = [
        plain_text(class_names[int(label)]) + ("" if scores is None else f" {scores[i]:.2f}")
        for i, label in enumerate(labels)
    ]
    known = np.clip(np.nan_to_num(boxes), 0, (width, height, width, height)).reshape(-1, 4)
    point = max(width, height) / _PANEL  # pixels of the image in a point of the page, about
    sizes = point * np.array([(_LETTER * len(text) + 4, _LINE) for text in texts]).reshape(-1, 2)
    places = place_labels(known, sizes, width, height, inside=True)
    for i in range(len(boxes) - 1, -1, -1):
        color = colors[int(labels[i])]
        # Half a pixel: matplotlib's pixel centres are whole numbers, our boxes' pixel edges are.
        x1, y1, x2, y2 = (known[i] - 0.5).tolist()
        style = "--" if dashed is not None and dashed[i] else "-"
        z = 2 + (len(boxes) - i) / (len(boxes) + 1)
        line = {"fill": False, "edgecolor": color, "linewidth": 1.8, "linestyle": style}
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, zorder=z, **line))
        axes.annotate(
            texts[i],
            (float(places[i, 0]) - 0.5, float(places[i, 1]) - 0.5),
            xytext=(2, -2),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7,
            color=readable_on(color),
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1.2},
            zorder=z + 1,
        )
