"""SSD's photometric distortion: brightness, contrast, saturation and hue, each drawn on its own."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from collections.abc import Sequence
from typing import Any, NamedTuple

import albumentations as A
import cv2
import numpy as np
from jaxtyping import UInt8

__all__ = ["ColorDistortion", "Distortion", "distort"]


class Distortion(NamedTuple):
    """What to do to an image; the defaults leave it as it is.

    Attributes:
        brightness: Added to each value, share of the full range of 255.
        contrast: Factor on each value.
        saturation: Factor on the saturation (HSV).
        hue: Turn of the hue, degrees.
        contrast_last: Contrast after saturation and hue, not before.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    contrast_last: bool = False


def distort(image: UInt8[np.ndarray, "H W 3"], by: Distortion) -> UInt8[np.ndarray, "H W 3"]:
    """Distorts the colours; what falls outside 0 to 255 is cut off after each operation, as in SSD.

    Args:
        image: RGB.
        by: Strengths.

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
        image = _turn(image, by.saturation, by.hue)
    if by.contrast != 1 and by.contrast_last:
        image = cv2.convertScaleAbs(image, alpha=by.contrast)
    return image


def _turn(image: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """Saturation and hue in OpenCV's 8-bit HSV, where a full turn has 256 steps and so wraps around like uint8."""
    hues, saturations, values = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))
    hues = hues + np.uint8(round(hue * 256 / 360) % 256)
    saturations = cv2.convertScaleAbs(saturations, alpha=saturation)
    return cv2.cvtColor(cv2.merge([hues, saturations, values]), cv2.COLOR_HSV2RGB_FULL)


class ColorDistortion(A.ImageOnlyTransform):
    """Applies each of the four distortions with its own coin; contrast comes before or after the two of HSV.

    Args:
        brightness: Greatest amount added or taken away, share of the full range, 0 to 1.
        contrast: Least and greatest factor.
        saturation: Least and greatest factor.
        hue: Greatest turn either way, degrees, 0 to 180.
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

    def get_params(self) -> dict[str, Any]:
        coins = self.random_generator.random(4) < self.each
        at = self.random_generator.random(4)
        lows = np.array([-self.brightness, self.contrast[0], self.saturation[0], -self.hue])
        highs = np.array([self.brightness, self.contrast[1], self.saturation[1], self.hue])
        values = np.where(coins, lows + (highs - lows) * at, [0.0, 1.0, 1.0, 0.0])
        return {"by": Distortion(*values.tolist(), contrast_last=bool(self.random_generator.random() < 0.5))}

    def apply(self, img: np.ndarray, by: Distortion, **params: Any) -> np.ndarray:
        return distort(img, by)
