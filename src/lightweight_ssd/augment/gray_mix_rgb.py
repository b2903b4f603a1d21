"""GrayMixRGB: in each pixel, the channel with the smallest value becomes gray."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from typing import Any

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.ops.planes import as_image, empty_planes, is_planar, planes_of, whole_pixels

__all__ = ["GrayMixRGB", "gray_mix_rgb"]


def gray_mix_rgb(image: np.ndarray) -> UInt8[np.ndarray, "H W 3"]:
    """Replaces the smallest of the three values of each pixel, the first on a tie, by the pixel's gray.

    Gray is 0.299 R + 0.587 G + 0.114 B as OpenCV rounds it. It is a mean of the three values, so never below the
    smallest: the condition "where gray > min" of the printed loop needs no code of its own.

    Args:
        image: RGB, uint8 of shape (H, W, 3); the type is checked here, not in the signature, as it is user input.

    Returns:
        A new image, planar (see `ops.planes`).

    Raises:
        ValueError: If the image is not uint8 with three channels.

    Example:
        >>> gray_mix_rgb(np.array([[[200, 100, 0], [7, 7, 9]]], np.uint8)).tolist()
        [[[200, 100, 119], [7, 7, 9]]]

    Source: the listing of the GrayMixRGB section, read per pixel: `min` starts again for each.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"Expected an RGB image of type uint8 and shape (H, W, 3), but got {image.dtype} of shape {image.shape}; "
            "put the step gray_mix_rgb before any that changes the type."
        )
    gray = cv2.cvtColor(whole_pixels(image), cv2.COLOR_RGB2GRAY)
    planes = planes_of(image).copy() if is_planar(image) else planes_of(image)
    red, green, blue = planes[0], planes[1], planes[2]
    first_two, least, is_red, mask = empty_planes(4, *image.shape[:2])
    cv2.min(cv2.min(red, green, first_two), blue, least)
    cv2.compare(red, least, cv2.CMP_EQ, is_red)
    cv2.compare(green, least, cv2.CMP_EQ, mask)
    cv2.copyTo(gray, cv2.subtract(mask, is_red, mask), green)  # where red is as small, it comes first
    cv2.copyTo(gray, is_red, red)
    cv2.copyTo(gray, cv2.compare(blue, first_two, cv2.CMP_LT, mask), blue)
    return as_image(planes)


class GrayMixRGB(A.ImageOnlyTransform):
    """Applies `gray_mix_rgb` with a probability.

    Args:
        p: Probability, 0 to 1.

    Raises:
        ValueError: If `p` is not a probability; on a call, if the image is not uint8 RGB.

    Source: section on GrayMixRGB; the probability is not printed there, 0.5 is this project's reading.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Expected augment.steps.gray_mix_rgb.p between 0 and 1, but got {p}.")
        super().__init__(p=p)

    def apply_directly(
        self,
        image: np.ndarray,
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[np.ndarray, Float32[np.ndarray, "N 4"], Int64[np.ndarray, " N"]]:
        """The same step without Albumentations around it (see `pipeline.Pipeline`)."""
        return gray_mix_rgb(image) if generator.random() < self.p else image, boxes, labels

    def apply(self, img: np.ndarray, **params: Any) -> np.ndarray:
        """Hook of Albumentations: one image."""
        return whole_pixels(gray_mix_rgb(img))
