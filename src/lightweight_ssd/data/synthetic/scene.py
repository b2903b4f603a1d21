"""Pictures of overlapping, textured shapes with exact boxes: a detection problem that two CPU cores learn in minutes.

The shapes are easy to distinguish, but not by color or size, they cover each other, and among them lie drawings that
look alike and are no object. Everything comes from the generator that is passed in: the same generator, the same bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int16, Int32, Int64, UInt8

from lightweight_ssd.data.synthetic.textures import add_noise, background, contrasting_color, random_colors, texture

__all__ = ["SHAPE_NAMES", "Scene", "draw_scene"]

_FULL_TURN = 2 * np.pi
_SUBPIXEL_BITS = 4
_CORNERS = 64  # of the polygon that stands for a curve
_PLACES_TRIED = 20
_LEAST_VISIBLE = 0.25  # below this share of its area an object is not drawn
_DIFFICULT_BELOW = 0.4  # share of its area that an object must show to be expected of a detector
_FAINT = 0.05  # share of objects drawn so faintly that they are marked difficult
_EMPTY = 0.03  # share of pictures without any object
_DISTRACTORS = 4  # at most, in one picture


class Scene(NamedTuple):
    """A drawn picture and what is in it.

    Attributes:
        image: RGB.
        boxes: xyxy pixels around the visible part of each object.
        labels: Index into the class names that were asked for.
        difficult: Objects that are mostly covered or faint.
    """

    image: UInt8[np.ndarray, "H W 3"]
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]


class _Object(NamedTuple):
    """One shape to draw: its corners in pixels, its label, and how much it differs from what lies behind it."""

    corners: Float[np.ndarray, "K 2"]
    label: int
    opacity: float


def draw_scene(
    rng: np.random.Generator,
    size: tuple[int, int],
    class_names: Sequence[str],
    max_objects: int = 5,
    min_scale: float = 0.15,
    max_scale: float = 0.6,
) -> Scene:
    """Draws a background, distractors, and one to `max_objects` shapes; a few pictures stay without objects.

    Args:
        rng: Source of all that is random.
        size: (height, width), pixels.
        class_names: Shapes to draw, of `SHAPE_NAMES`.
        max_objects: Most objects in one picture.
        min_scale: Smallest diameter of a shape as a share of the shorter side.
        max_scale: Largest diameter of a shape as a share of the shorter side.

    Example:
        >>> scene = draw_scene(np.random.default_rng(0), (240, 320), ["circle", "star"])
        >>> scene.image.shape, scene.boxes.shape[1], scene.labels.max() < 2
        ((240, 320, 3), 4, np.True_)
    """
    image = background(rng, size)
    for _ in range(rng.integers(0, _DISTRACTORS + 1)):
        _draw_distractor(rng, image)
    objects, owner = _place(rng, size, class_names, max_objects, (min_scale, max_scale))
    for item in objects:
        _draw_object(rng, image, item)
    add_noise(rng, image, rng.uniform(1, 6))
    boxes = [_visible_box(owner == index) for index in range(len(objects))]
    shown = [_shown(owner, index, item) for index, item in enumerate(objects)]
    return Scene(
        image=image,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array([item.label for item in objects], dtype=np.int64),
        difficult=np.array(
            [share < _DIFFICULT_BELOW or item.opacity < 0.5 for share, item in zip(shown, objects, strict=True)],
            dtype=bool,
        ),
    )


def _polar(radii: Sequence[float] | np.ndarray) -> Float[np.ndarray, "K 2"]:
    """Corners at even angles, at the given distances from the center, the first one on top."""
    angles = np.arange(len(radii)) * _FULL_TURN / len(radii) - _FULL_TURN / 4
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.asarray(radii)[:, None]


def _heart() -> Float[np.ndarray, "K 2"]:
    t = np.linspace(0, _FULL_TURN, _CORNERS, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, -y - 2.5], axis=1) / 16


_OUTLINES = {
    "circle": _polar(np.full(_CORNERS, 0.9)),
    "square": _polar([1.1] * 4),
    "triangle": _polar([1.1] * 3),
    "star": _polar([1.1, 0.45] * 5),
    "heart": _heart(),
}
SHAPE_NAMES = tuple(_OUTLINES)


def _place(
    rng: np.random.Generator,
    size: tuple[int, int],
    class_names: Sequence[str],
    max_objects: int,
    scales: tuple[float, float],
) -> tuple[list[_Object], Int16[np.ndarray, "H W"]]:
    """Chooses objects, back to front, and says which of them each pixel shows (−1: none)."""
    owner = np.full(size, -1, dtype=np.int16)
    objects: list[_Object] = []
    wanted = 0 if rng.random() < _EMPTY else rng.integers(1, max_objects + 1)
    for _ in range(wanted):
        for _ in range(_PLACES_TRIED):
            item = _random_object(rng, size, class_names, scales)
            covered = owner.copy()
            covered[_mask(item.corners, size) > 127] = len(objects)
            everything = [*objects, item]
            if all(_shown(covered, index, one) >= _LEAST_VISIBLE for index, one in enumerate(everything)):
                objects, owner = everything, covered
                break
    return objects, owner


def _random_object(
    rng: np.random.Generator, size: tuple[int, int], class_names: Sequence[str], scales: tuple[float, float]
) -> _Object:
    label = int(rng.integers(len(class_names)))
    diameter = min(size) * np.exp(rng.uniform(np.log(scales[0]), np.log(scales[1])))
    stretched = _OUTLINES[class_names[label]] * rng.uniform(0.85, 1.15, size=2) * diameter / 2
    angle = rng.uniform(0, _FULL_TURN) if rng.random() < 0.5 else rng.normal(0, 0.15)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    center = rng.uniform(diameter * 0.3, np.array(size[::-1]) - diameter * 0.3)
    opacity = rng.uniform(0.12, 0.22) if rng.random() < _FAINT else 1.0
    return _Object(stretched @ turn + center, label, opacity)


def _shown(owner: Int16[np.ndarray, "H W"], index: int, item: _Object) -> float:
    """Share of an object's area that neither another object nor the picture's edge hides, about 0 to 1."""
    return float(np.count_nonzero(owner == index) / max(cv2.contourArea(item.corners.astype(np.float32)), 1.0))


def _visible_box(pixels: Bool[np.ndarray, "H W"]) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect(pixels.view(np.uint8))
    return left, top, left + width, top + height


def _fixed_point(corners: Float[np.ndarray, "K 2"]) -> Int32[np.ndarray, "K 2"]:
    """OpenCV's integer coordinates with binary digits after the point; it counts from the center of a pixel."""
    return np.round((corners - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)


def _mask(corners: Float[np.ndarray, "K 2"], size: tuple[int, int]) -> UInt8[np.ndarray, "H W"]:
    """How much of each pixel a polygon covers, 0 to 255."""
    mask = np.zeros(size, dtype=np.uint8)
    cv2.fillPoly(mask, [_fixed_point(corners)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return mask


def _draw_lines(
    image: UInt8[np.ndarray, "H W 3"],
    lines: Sequence[Float[np.ndarray, "K 2"]],
    color: Float32[np.ndarray, " 3"],
    width: int,
    closed: bool,
) -> None:
    """Draws with a pen of `width` pixels, in place."""
    points = [_fixed_point(line) for line in lines]
    cv2.polylines(image, points, closed, color.tolist(), width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_object(rng: np.random.Generator, image: UInt8[np.ndarray, "H W 3"], item: _Object) -> None:
    """Blends a textured shape, at times with an outline, into the part of the image that it touches."""
    left, top = np.floor(item.corners.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(item.corners.max(axis=0)).astype(int) + 1
    part = image[top:bottom, left:right]
    size, corners = part.shape[:2], item.corners - (left, top)
    paint = texture(rng, size, contrasting_color(rng, np.array(cv2.mean(part)[:3])))
    if item.opacity == 1.0 and rng.random() < 0.5:
        shade = np.full(3, 20 if rng.random() < 0.5 else 235, dtype=np.float32)
        _draw_lines(paint, [corners], shade, int(rng.integers(3, 7)), closed=True)
    alpha = _mask(corners, size) * np.float32(item.opacity / 255)
    image[top:bottom, left:right] = cv2.blendLinear(paint, part, alpha, 1 - alpha)


def _draw_distractor(rng: np.random.Generator, image: UInt8[np.ndarray, "H W 3"]) -> None:
    """Open curves and thin shapes in the objects' own colors, which a detector must learn to pass over."""
    height, width = image.shape[:2]
    center = rng.uniform(0, [width, height])
    radius = rng.uniform(0.05, 0.2) * min(height, width)
    kind = rng.integers(4)
    if kind == 0:  # a cross
        angle = rng.uniform(0, _FULL_TURN / 4) + np.arange(4) * _FULL_TURN / 4
        ends = center + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius
        lines = [ends[[0, 2]], ends[[1, 3]]]
    elif kind == 1:  # an arc, which is a circle left open
        angle = rng.uniform(0, _FULL_TURN) + np.linspace(0, rng.uniform(0.35, 0.7) * _FULL_TURN, 24)
        lines = [center + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius]
    elif kind == 2:  # a straight line
        lines = [center + rng.uniform(-2, 2, (2, 2)) * radius]
    else:  # a scribble
        lines = [center + np.cumsum(rng.normal(0, 0.5, (12, 2)), axis=0) * radius]
    _draw_lines(image, lines, random_colors(rng, 1)[0], int(rng.integers(3, 9)), closed=False)
