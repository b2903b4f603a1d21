"""SSD's photometric distortion: brightness, contrast, saturation and hue, each drawn independently."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from collections.abc import Sequence
from typing import Any, NamedTuple

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.ops.hsv import shift_in_hsv
from lightweight_ssd.ops.planes import as_image, per_value, planes_of, whole_pixels

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

    Returns:
        A new image, planar where hue or saturation change; the image itself where nothing does.

    Example:
        >>> distort(np.full((1, 1, 3), 100, np.uint8), Distortion(brightness=0.2, contrast=0.5)).tolist()
        [[[76, 76, 76]]]
    """
    shift = round(255 * by.brightness)
    if shift:
        image = per_value(image, lambda values: cv2.add(values, shift))  # pyright: ignore[reportArgumentType, reportCallIssue]
    if by.contrast != 1 and not by.contrast_last:
        image = _contrasted(image, by.contrast)
    if by.saturation != 1 or by.hue:
        image = as_image(shift_in_hsv(planes_of(image), by.saturation, by.hue))
    if by.contrast != 1 and by.contrast_last:
        image = _contrasted(image, by.contrast)
    return image


def _contrasted(image: np.ndarray, factor: float) -> np.ndarray:
    return per_value(image, lambda values: cv2.convertScaleAbs(values, alpha=factor))


def _between(low: float, high: float, at: float) -> float:
    return low + (high - low) * at


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
        return whole_pixels(distort(img, by))
