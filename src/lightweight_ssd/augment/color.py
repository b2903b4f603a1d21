"""SSD's photometric distortion: brightness, contrast, saturation and hue, each drawn on its own."""

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
    steps = round(by.hue * 256 / 360) % 256  # OpenCV's 8-bit hue has 256 steps in a full turn
    if steps or by.saturation > 1:
        image = _turn(image, by.saturation, steps)
    elif by.saturation < 1:
        image = _fade(image, by.saturation)
    if by.contrast != 1 and by.contrast_last:
        image = cv2.convertScaleAbs(image, alpha=by.contrast)
    return image


def _turn(image: np.ndarray, saturation: float, steps: int) -> np.ndarray:
    """Saturation and hue in OpenCV's 8-bit HSV, where the hue wraps around like uint8 itself."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    hues, saturations, values = _planes(hsv)
    hues += np.uint8(steps)
    if saturation != 1:
        cv2.convertScaleAbs(saturations, alpha=saturation, dst=saturations)
    return cv2.cvtColor(cv2.merge([hues, saturations, values], dst=hsv), cv2.COLOR_HSV2RGB_FULL)


def _fade(image: np.ndarray, saturation: float) -> np.ndarray:
    """What a saturation below 1 does in HSV, at a fifth of its cost: all three move towards the largest of them."""
    red, green, blue = _planes(image)
    largest = cv2.max(cv2.max(red, green), blue)
    return cv2.addWeighted(image, saturation, cv2.cvtColor(largest, cv2.COLOR_GRAY2RGB), 1 - saturation, 0)


def _between(low: float, high: float, at: float) -> float:
    return low + (high - low) * at


def _planes(image: np.ndarray) -> list[np.ndarray]:
    """The three channels, split into memory that is there already: five times faster than OpenCV's own."""
    planes = [np.empty(image.shape[:2], np.uint8) for _ in range(3)]
    cv2.split(image, planes)
    return planes


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

    def draw(self, generator: np.random.Generator) -> Distortion:
        """Strengths for one image; takes nine numbers from the generator, whatever the coins say."""
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
        return {"by": self.draw(self.random_generator)}

    def apply(self, img: np.ndarray, by: Distortion, **params: Any) -> np.ndarray:
        return distort(img, by)
