"""SSD's random crop: a window that shows enough of at least one object."""

import math
import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from collections.abc import Sequence
from typing import Any

import numpy as np
from albumentations.augmentations.crops.transforms import BaseCrop
from jaxtyping import Bool, Float, Float32, Int, Int64, UInt8

__all__ = ["SSDCrop", "visible_shares", "windows"]

_FIRST = 8  # windows
_FEW_BOXES = 16
_TINY = float(np.finfo(np.float64).tiny)


def visible_shares(boxes: Float[np.ndarray, "N 4"], crops: Int[np.ndarray, "T 4"]) -> Float[np.ndarray, "T N"]:
    """Share of each box's area that each crop shows, 0 to 1; a box without area has share 0.

    Args:
        boxes: xyxy, pixels.
        crops: xyxy, pixels.

    Example:
        >>> visible_shares(np.array([[0.0, 0.0, 4.0, 2.0]]), np.array([[1, 0, 9, 9], [4, 0, 9, 9]])).tolist()
        [[0.75], [0.0]]
    """
    # Coordinates first, so that NumPy's inner loops are long, and one type, so that it converts in none of them.
    windows = crops.T.astype(np.float64)[:, :, None]
    objects = boxes.T.astype(np.float64)[:, None]
    seen = np.minimum(windows[2:], objects[2:])
    seen -= np.maximum(windows[:2], objects[:2])
    whole = objects[2:] - objects[:2]
    np.maximum(seen, 0, out=seen)
    np.maximum(whole, 0, out=whole)
    return seen[0] * seen[1] / np.maximum(whole[0] * whole[1], _TINY)


def windows(
    generator: np.random.Generator,
    height: int,
    width: int,
    trials: int,
    aspect: tuple[float, float],
    area: tuple[float, float],
) -> Int[np.ndarray, "T 4"]:
    """Random windows of an image, xyxy in whole pixels; those that would not fit are left out, so T ≤ `trials`.

    Args:
        generator: Source of randomness; takes 4 × `trials` numbers from it.
        height: Rows of the image.
        width: Columns of the image.
        trials: Number of windows to draw.
        aspect: Smallest and largest width over height, drawn uniformly.
        area: Smallest and largest share of the image's area, drawn uniformly.

    Example:
        >>> windows(np.random.default_rng(0), 10, 20, 5, (2.0, 2.0), (1.0, 1.0))[0].tolist()
        [0, 0, 20, 10]
    """
    return _windows(generator.random((4, trials)), height, width, aspect, area)


def _windows(
    draws: Float[np.ndarray, "4 T"], height: int, width: int, aspect: tuple[float, float], area: tuple[float, float]
) -> Int[np.ndarray, "t 4"]:
    ratio = aspect[0] + (aspect[1] - aspect[0]) * draws[0]
    pixels = (area[0] + (area[1] - area[0]) * draws[1]) * (height * width)
    sides = np.empty((2, draws.shape[1]))
    np.multiply(pixels, ratio, out=sides[0])
    np.divide(pixels, ratio, out=sides[1])
    np.rint(np.sqrt(sides, out=sides), out=sides)
    room = np.array([[width], [height]]) - sides
    fits = ((sides >= 1) & (room >= 0)).all(axis=0)
    crops = np.empty((4, draws.shape[1]), np.int64)
    crops[:2] = draws[2:] * (room + 1)  # the assignment rounds down; a window that does not fit is negative and dropped
    crops[2:] = crops[:2] + sides
    return crops[:, fits].T


def _window(
    draw: Sequence[float], height: int, width: int, aspect: tuple[float, float], area: tuple[float, float]
) -> tuple[int, int, int, int] | None:
    """One of `windows`, by the same operations in the same order; None if it does not fit."""
    ratio = aspect[0] + (aspect[1] - aspect[0]) * draw[0]
    pixels = (area[0] + (area[1] - area[0]) * draw[1]) * (height * width)
    wide, high = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
    if not (1 <= wide <= width and 1 <= high <= height):
        return None
    left, top = int(draw[2] * (width - wide + 1)), int(draw[3] * (height - high + 1))
    return left, top, left + wide, top + high


class SSDCrop(BaseCrop):
    """Cuts out a window that shows at least a drawn share of some object, and drops the objects it hardly shows.

    One of `min_overlaps` is drawn, then `trials` windows at once; the first is taken that shows this share of at least
    one box and leaves at least one box (any window, if the image has none). If none does, the image stays whole.

    Args:
        min_overlaps: Shares to draw from: how much of some box the window must show, each 0 to 1.
        aspect: Least and greatest width over height of the window.
        area: Least and greatest share of the image's area, above 0, up to 1.
        min_visible: A box stays if the window shows at least this share of it, 0 to 1; None = if the window holds
            its center.
        trials: Windows that are tried.
        p: Probability of trying at all, 0 to 1.

    Raises:
        ValueError: If a value is outside its range.

    Source: `ssd_random_crop` of the framework that section 4 of the paper quotes (overlaps, aspect, area, skipped
        with probability 0.15; the overlap is the share of the object, not the IoU of the SSD paper). Deviations: the
        framework keeps a box by the same share that was drawn, which turns an object that is 0.9 visible into
        background when 1.0 was drawn; here one share, 0.3, serves all. A window that keeps no box is rejected, as
        in the SSD paper. None is the SSD paper's rule for the boxes.
    """

    def __init__(
        self,
        min_overlaps: Sequence[float] = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
        aspect: Sequence[float] = (0.5, 2.0),
        area: Sequence[float] = (0.1, 1.0),
        min_visible: float | None = 0.3,
        trials: int = 50,
        p: float = 0.85,
    ) -> None:
        _check(min_overlaps, aspect, area, min_visible, trials, p)
        super().__init__(p=p)
        self.min_overlaps = tuple(min_overlaps)
        self.aspect = (aspect[0], aspect[1])
        self.area = (area[0], area[1])
        self.min_visible = min_visible
        self.trials = trials

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Hook of Albumentations: draws the window of one image."""
        height, width = params["shape"][:2]
        boxes = data["bboxes"][:, :4] * [width, height, width, height]  # Albumentations passes them as shares
        return {"crop_coords": self._window(boxes, height, width, self.random_generator)[0]}

    def apply_to_bboxes(self, bboxes: np.ndarray, crop_coords: tuple[int, ...], **params: Any) -> np.ndarray:
        """Hook of Albumentations: the boxes that stay, as shares of the window."""
        height, width = params["shape"][:2]
        boxes, window = bboxes[:, :4] * [width, height, width, height], np.array([crop_coords])
        stays = self._stays(boxes, window, visible_shares(boxes, window))[0]
        left, top, right, bottom = crop_coords
        sides = [right - left, bottom - top, right - left, bottom - top]
        return np.column_stack([(boxes - [left, top, left, top]) / sides, bboxes[:, 4:]])[stays]

    def apply_directly(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "M 4"], Int64[np.ndarray, " M"]]:
        """The same step without Albumentations around it: boxes are xyxy in pixels, the window is a view."""
        if generator.random() >= self.p:
            return image, boxes, labels
        height, width = image.shape[:2]
        (left, top, right, bottom), stays = self._window(boxes, height, width, generator)
        if len(boxes):
            boxes, labels = boxes[stays] - np.array([left, top] * 2, np.float32), labels[stays]
        return image[top:bottom, left:right], boxes, labels

    def _window(
        self, boxes: Float[np.ndarray, "N 4"], height: int, width: int, generator: np.random.Generator
    ) -> tuple[tuple[int, int, int, int], Bool[np.ndarray, " N"]]:
        """The first suitable window, xyxy, and which boxes stay; the whole image with all boxes if there is none."""
        needed = self.min_overlaps[int(generator.random() * len(self.min_overlaps))]
        needed = min(needed, 1 - 1e-6)  # the shares of a full view can round below 1
        draws = generator.random((4, self.trials))
        if self.min_visible is not None and 0 < len(boxes) <= _FEW_BOXES:
            found = self._window_of_the_first(boxes, height, width, draws[:, :_FIRST], needed)
            if found is not None:
                return found
        crops = _windows(draws, height, width, self.aspect, self.area)
        shares = visible_shares(boxes, crops)
        good = self._good(boxes, crops, shares, needed)
        first = int(good.argmax()) if len(crops) else 0
        if not len(crops) or not good[first]:
            return (0, 0, width, height), np.ones(len(boxes), dtype=bool)
        left, top, right, bottom = crops[first].tolist()
        chosen = slice(first, first + 1)
        return (left, top, right, bottom), self._stays(boxes, crops[chosen], shares[chosen])[0]

    def _window_of_the_first(
        self,
        boxes: Float[np.ndarray, "N 4"],
        height: int,
        width: int,
        draws: Float[np.ndarray, "4 t"],
        needed: float,
    ) -> tuple[tuple[int, int, int, int], Bool[np.ndarray, " N"]] | None:
        """What `_window` finds if it is among the first windows, as it mostly is.

        The same operations in Python, on one window after the other, take a fifth of the time of NumPy's on all.
        """
        needed = max(needed, self.min_visible or 0.0)
        objects = [
            (x1, y1, x2, y2, max(max(x2 - x1, 0.0) * max(y2 - y1, 0.0), _TINY)) for x1, y1, x2, y2 in boxes.tolist()
        ]
        for draw in draws.T.tolist():
            window = _window(draw, height, width, self.aspect, self.area)
            if window is None:
                continue
            left, top, right, bottom = window
            shares = [
                max(min(right, x2) - max(left, x1), 0.0) * max(min(bottom, y2) - max(top, y1), 0.0) / whole
                for x1, y1, x2, y2, whole in objects
            ]
            most = max(shares)
            if most >= needed and most > 0:
                return window, np.array([share >= (self.min_visible or 0.0) and share > 0 for share in shares])
        return None

    def _good(
        self,
        boxes: Float[np.ndarray, "N 4"],
        crops: Int[np.ndarray, "T 4"],
        shares: Float[np.ndarray, "T N"],
        needed: float,
    ) -> Bool[np.ndarray, " T"]:
        """Which windows show as much of some box as is needed, and leave a box."""
        if not len(boxes):
            return np.ones(len(crops), dtype=bool)
        most = shares.max(axis=1)
        if self.min_visible is not None:  # what shows most is what stays if any does
            return (most >= max(needed, self.min_visible)) & (most > 0)
        return (most >= needed) & self._stays(boxes, crops, shares).any(axis=1)

    def _stays(
        self, boxes: Float[np.ndarray, "N 4"], crops: Int[np.ndarray, "T 4"], shares: Float[np.ndarray, "T N"]
    ) -> Bool[np.ndarray, "T N"]:
        if self.min_visible is not None:
            return (shares >= self.min_visible) & (shares > 0)
        centers = (boxes[None, :, :2] + boxes[None, :, 2:]) / 2
        return ((centers >= crops[:, None, :2]) & (centers < crops[:, None, 2:])).all(axis=2) & (shares > 0)


def _check(
    min_overlaps: Sequence[float],
    aspect: Sequence[float],
    area: Sequence[float],
    min_visible: float | None,
    trials: int,
    p: float,
) -> None:
    rules = {
        f"min_overlaps of 0 to 1, at least one, but got {min_overlaps}": min_overlaps
        and all(0 <= value <= 1 for value in min_overlaps),
        f"aspect as two rising positive numbers, but got {aspect}": len(aspect) == 2 and 0 < aspect[0] <= aspect[1],
        f"area as two rising numbers above 0, up to 1, but got {area}": len(area) == 2 and 0 < area[0] <= area[1] <= 1,
        f"min_visible of 0 to 1 or null, but got {min_visible}": min_visible is None or 0 <= min_visible <= 1,
        f"trials of at least 1, but got {trials}": trials >= 1,
        f"p of 0 to 1, but got {p}": 0 <= p <= 1,
    }
    for rule, holds in rules.items():
        if not holds:
            raise ValueError(f"augment.steps.crop: expected {rule}.")
