"""SSD's photometric distortion: brightness, contrast, saturation and hue, each drawn independently."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from collections.abc import Sequence
from typing import Any, NamedTuple

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

__all__ = ["ColorDistortion", "Distortion", "distort"]


class Distortion(NamedTuple):
    """The distortion of one image; the defaults leave it unchanged.

    Attributes:
        brightness: Added to each value, share of the full range of 255.
        contrast: Factor on each value.
        saturation: Factor on the saturation (HSV).
        hue: Rotation of the hue, degrees.
        contrast_last: Whether contrast comes after saturation and hue, not before.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    contrast_last: bool = False


def distort(image: UInt8[np.ndarray, "H W 3"], by: Distortion) -> UInt8[np.ndarray, "H W 3"]:
    """Distorts the colors; values are clipped to 0 to 255 after each operation, as in SSD.

    Args:
        image: RGB.
        by: Strengths of the distortion.

    Example:
        >>> distort(np.full((1, 1, 3), 100, np.uint8), Distortion(brightness=0.2, contrast=0.5)).tolist()
        [[[76, 76, 76]]]
    """
    shift = round(255 * by.brightness)
    if shift:
        image = cv2.add(image, (shift, shift, shift, 0))  # pyright: ignore[reportArgumentType, reportCallIssue]
    if by.contrast != 1 and not by.contrast_last:
        image = cv2.convertScaleAbs(image, alpha=by.contrast)
    if by.saturation != 1 or by.hue:
        image = _in_hsv(image, by.saturation, by.hue)
    if by.contrast != 1 and by.contrast_last:
        image = cv2.convertScaleAbs(image, alpha=by.contrast)
    return image


def _in_hsv(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Changes saturation and hue of HSV without converting to HSV, which takes half the time.

    The result is within two steps of 255 of the exact one up to a factor of 2 on the saturation, and within one step
    more for each unit of the factor above. OpenCV's conversion, which rounds hue and saturation to 8 bits, is up to ten
    steps off. All that is needed is in the three planes: HSV's value is the largest of them, its saturation sets how
    far below that the smallest is, and its hue where the third is in between. So a rotation keeps both ends, and a
    saturation keeps the value and the hue.
    """
    planes = _planes(image)
    least, largest = (end(end(planes[0], planes[1]), planes[2]) for end in (cv2.min, cv2.max))
    if hue:
        planes = _turn(planes, least, largest, hue)
    if saturation > 1:
        planes = _saturate(planes, least, largest, saturation)
    elif saturation < 1:
        planes = [cv2.addWeighted(plane, saturation, largest, 1 - saturation, 0) for plane in planes]
    return cv2.merge(planes)


def _turn(planes: list[np.ndarray], least: np.ndarray, largest: np.ndarray, hue: float) -> list[np.ndarray]:
    """Rotates the hue by degrees: whole sixths exchange planes, the rest, up to 30 degrees, moves values.

    Over a full rotation each channel rises, stays at the largest value, falls, and stays at the smallest, for 60, 120,
    60 and 120 degrees. A channel starts to move only after the one next to it in the circle has arrived; OpenCV's
    subtraction stops at zero, so the nested subtractions leave the distance that remains after that wait.
    """
    sixths = round(hue / 60)
    rest = hue - 60 * sixths
    if sixths % 2:  # half a turn swaps the two ends; the other two or four sixths are left
        planes = [cv2.add(cv2.subtract(largest, plane), least) for plane in planes]
        sixths -= 3
    way = cv2.convertScaleAbs(cv2.subtract(largest, least), alpha=abs(rest) / 60)
    ahead, behind = (1, 2) if rest > 0 else (2, 1)
    turned = []
    for place, plane in enumerate(planes):
        after, before = planes[(place + ahead) % 3], planes[(place + behind) % 3]
        rise = cv2.subtract(way, cv2.subtract(after, cv2.min(plane, before)))
        fall = cv2.subtract(way, cv2.subtract(cv2.max(plane, before), after))
        turned.append(cv2.max(cv2.subtract(cv2.min(cv2.add(plane, rise), largest), fall), least))
    return [turned[(place - sixths // 2) % 3] for place in range(3)]


def _saturate(planes: list[np.ndarray], least: np.ndarray, largest: np.ndarray, saturation: float) -> list[np.ndarray]:
    """Moves all values away from the largest by a factor above 1, or by less where the smallest would fall below 0."""
    unit = (saturation - 1) / 255
    more = cv2.divide(least, cv2.subtract(largest, least), scale=1 / unit)  # stops at 255, which is `saturation - 1`
    return [cv2.subtract(plane, cv2.multiply(cv2.subtract(largest, plane), more, scale=unit)) for plane in planes]


def _between(low: float, high: float, at: float) -> float:
    return low + (high - low) * at


def _planes(image: np.ndarray) -> list[np.ndarray]:
    """Splits the channels into allocated memory: five times faster than letting OpenCV allocate it."""
    planes = [np.empty(image.shape[:2], np.uint8) for _ in range(3)]
    cv2.split(image, planes)
    return planes


class ColorDistortion(A.ImageOnlyTransform):
    """Applies each of the four distortions with a probability; contrast comes before or after the two of HSV.

    Args:
        brightness: Greatest amount added or subtracted, share of the full range, 0 to 1.
        contrast: Least and greatest factor.
        saturation: Least and greatest factor.
        hue: Greatest rotation in either direction, degrees, 0 to 180.
        each: Probability of each of the four, 0 to 1.
        p: Probability of distorting at all, 0 to 1.

    Raises:
        ValueError: If a value is outside its range.

    Source: the SSD paper's training (its ranges and its order); the paper itself does not name its distortion.
    """

    def __init__(
        self,
        brightness: float = 0.125,
        contrast: Sequence[float] = (0.5, 1.5),
        saturation: Sequence[float] = (0.5, 1.5),
        hue: float = 18.0,
        each: float = 0.5,
        p: float = 1.0,
    ) -> None:
        for name, value, top in (("brightness", brightness, 1), ("hue", hue, 180), ("each", each, 1), ("p", p, 1)):
            if not 0 <= value <= top:
                raise ValueError(f"Expected augment.steps.color.{name} between 0 and {top}, but got {value}.")
        for name, pair in (("contrast", contrast), ("saturation", saturation)):
            if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
                raise ValueError(f"Expected augment.steps.color.{name} as two rising factors, but got {pair}.")
        super().__init__(p=p)
        self.brightness = brightness
        self.contrast = (contrast[0], contrast[1])
        self.saturation = (saturation[0], saturation[1])
        self.hue = hue
        self.each = each

    def draw(self, generator: np.random.Generator) -> Distortion:
        """Draws the strengths for one image; always takes nine numbers from the generator."""
        draws = generator.random(9).tolist()
        brightness, contrast, saturation, hue = (coin < self.each for coin in draws[:4])
        return Distortion(
            brightness=_between(-self.brightness, self.brightness, draws[4]) if brightness else 0.0,
            contrast=_between(*self.contrast, draws[5]) if contrast else 1.0,
            saturation=_between(*self.saturation, draws[6]) if saturation else 1.0,
            hue=_between(-self.hue, self.hue, draws[7]) if hue else 0.0,
            contrast_last=draws[8] < 0.5,
        )

    def apply_directly(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "N 4"], Int64[np.ndarray, " N"]]:
        """The same step without Albumentations around it (see `pipeline.Pipeline`)."""
        return distort(image, self.draw(generator)) if generator.random() < self.p else image, boxes, labels

    def get_params(self) -> dict[str, Any]:
        """Hook of Albumentations: draws the strengths of one image."""
        return {"by": self.draw(self.random_generator)}

    def apply(self, img: np.ndarray, by: Distortion, **params: Any) -> np.ndarray:
        """Hook of Albumentations: distorts one image."""
        return distort(img, by)
