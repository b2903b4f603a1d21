"""Resizing of pixels to the network's input, by OpenCV alone, so that training and any runtime see the same bytes."""

from typing import Final

import cv2
import numpy as np
from jaxtyping import UInt8

__all__ = ["AREA_FROM", "ONE_SIDE_AREA_FROM", "resize"]

AREA_FROM: Final = 2.0
"""A two-tap linear filter skips pixels, and so aliases, once it shrinks by more than this."""

ONE_SIDE_AREA_FROM: Final = 2.5
"""The same where only one side shrinks so much: reading a photograph of 640×480 for 300×300 would take half as long
again, for the sake of a sixteenth of its columns."""


def resize(
    image: UInt8[np.ndarray, "H W *C"], size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR
) -> UInt8[np.ndarray, "h w *C"]:
    """Resizes to one size, aspect not kept: linearly, or by area averaging along the sides that shrink much.

    Linear costs a seventh of area averaging, and up to twofold shrinking they look the same; a photograph of 12
    megapixels resized to 300×300 by the linear filter would use one pixel in thirty. Of a wide image one side alone
    shrinks much, and is averaged alone.

    Args:
        image: At least one pixel.
        size: (height, width) of the result.
        interpolation: OpenCV's flag for sides that do not shrink much.

    Example:
        >>> resize(np.full((400, 50, 3), 7, np.uint8), (100, 100)).shape
        (100, 100, 3)
    """
    height, width = size
    shrinks = image.shape[0] / height, image.shape[1] / width
    if min(shrinks) < AREA_FROM and max(shrinks) > ONE_SIDE_AREA_FROM:
        return _each_side(image, size, shrinks, interpolation)
    filter_ = cv2.INTER_AREA if min(shrinks) >= AREA_FROM else interpolation
    return cv2.resize(image, (width, height), interpolation=filter_)


def _each_side(
    image: np.ndarray, size: tuple[int, int], shrinks: tuple[float, float], interpolation: int
) -> np.ndarray:
    """Averages along the side that shrinks much and interpolates along the other, in the order that costs less."""
    down, across = shrinks
    target = (size[1], size[0])
    averaged, other = (size[1], image.shape[0]), (image.shape[1], size[0])
    if down > across:
        averaged, other = other, averaged
    if min(down, across) < 1:  # the other side grows
        image = cv2.resize(image, averaged, interpolation=cv2.INTER_AREA)
        return cv2.resize(image, target, interpolation=interpolation)
    image = cv2.resize(image, other, interpolation=interpolation)
    return cv2.resize(image, target, interpolation=cv2.INTER_AREA)
