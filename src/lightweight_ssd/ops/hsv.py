"""Hue and saturation of 8-bit planes, changed without converting to HSV, which takes a third of the time.

All that is needed is in the three planes: HSV's value is the largest of them, its saturation sets how far below that
the smallest is, and its hue where the third is in between. So a rotation keeps both ends, and a saturation keeps the
value and the hue. Results go into memory that is allocated once for each call: fresh memory for each operation would
cost as much as the operation.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.ops.planes import empty_planes

__all__ = ["shift_in_hsv"]

_Planes = UInt8[np.ndarray, "3 H W"]
_Plane = UInt8[np.ndarray, "H W"]


def shift_in_hsv(planes: UInt8[np.ndarray, "3 H W"], saturation: float, hue: float) -> UInt8[np.ndarray, "3 H W"]:
    """Changes saturation and hue.

    The result is within two steps of 255 of the exact one up to a factor of 2 on the saturation, and within one step
    more for each unit of the factor above. OpenCV's conversion, which rounds hue and saturation to 8 bits, is up to ten
    steps off.

    Args:
        planes: Red, green, blue.
        saturation: Factor, at least 0.
        hue: Rotation, degrees, −180 to 180.

    Example:
        >>> shift_in_hsv(np.array([[[200]], [[100]], [[100]]], np.uint8), 0.5, 60.0).ravel().tolist()
        [200, 200, 150]
    """
    least, largest, *scratch = empty_planes(5, *planes.shape[1:])
    cv2.min(cv2.min(planes[0], planes[1], least), planes[2], least)
    cv2.max(cv2.max(planes[0], planes[1], largest), planes[2], largest)
    if hue:
        planes = _turn(planes, least, largest, hue, scratch)
    if saturation > 1:
        planes = _saturate(planes, least, largest, saturation, scratch)
    elif saturation < 1:
        planes = _fade(planes, largest, saturation)
    return planes


def _turn(planes: _Planes, least: _Plane, largest: _Plane, hue: float, scratch: list[np.ndarray]) -> _Planes:
    """Rotates the hue by degrees: whole sixths exchange planes, the rest, up to 30 degrees, moves values.

    Over a full rotation each channel rises, stays at the largest value, falls, and stays at the smallest, for 60, 120,
    60 and 120 degrees. A channel moves only after the one next to it in the circle has arrived at an end, so that one
    alone says how much of the way is left: up when it is that near to the smallest value, down when to the largest.
    """
    sixths = round(hue / 60)
    rest = hue - 60 * sixths
    if sixths % 2:  # half a turn swaps the two ends; the other two or four sixths are left
        planes = _swap_ends(planes, least, largest)
        sixths -= 3
    low, high, change = scratch
    way = cv2.convertScaleAbs(cv2.subtract(largest, least, change), change, abs(rest) / 60)
    cv2.add(least, way, low)
    cv2.subtract(largest, way, high)
    ahead, turned = (1 if rest > 0 else 2), np.empty_like(planes)
    for place, plane in enumerate(planes):
        after, room = planes[(place + ahead) % 3], turned[(place + sixths // 2) % 3]
        cv2.min(cv2.add(plane, cv2.subtract(low, after, change), room), largest, room)  # differences stop at zero
        cv2.max(cv2.subtract(room, cv2.subtract(after, high, change), room), least, room)
    return turned


def _swap_ends(planes: _Planes, least: _Plane, largest: _Plane) -> _Planes:
    swapped = np.empty_like(planes)
    for plane, room in zip(planes, swapped, strict=True):
        cv2.add(cv2.subtract(largest, plane, room), least, room)
    return swapped


def _saturate(planes: _Planes, least: _Plane, largest: _Plane, saturation: float, scratch: list[np.ndarray]) -> _Planes:
    """Moves all values away from the largest by a factor above 1, or by less where the smallest would fall below 0."""
    more, change, _ = scratch
    unit = (saturation - 1) / 255
    cv2.divide(least, cv2.subtract(largest, least, change), more, 1 / unit)  # stops at 255, which is `saturation - 1`
    saturated = np.empty_like(planes)
    for plane, room in zip(planes, saturated, strict=True):
        cv2.multiply(cv2.subtract(largest, plane, change), more, change, unit)
        cv2.subtract(plane, change, room)
    return saturated


def _fade(planes: _Planes, largest: _Plane, saturation: float) -> _Planes:
    faded = np.empty_like(planes)
    for plane, room in zip(planes, faded, strict=True):
        cv2.addWeighted(plane, saturation, largest, 1 - saturation, 0, room)
    return faded
