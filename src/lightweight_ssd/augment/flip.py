"""Horizontal flip, under the name and with the default of this project's recipes."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.ops.planes import whole_pixels

__all__ = ["HorizontalFlip"]


class HorizontalFlip(A.HorizontalFlip):
    """Mirrors image and boxes left to right.

    Args:
        p: Probability, 0 to 1.

    Raises:
        ValueError: If `p` is not a probability.

    Source: the framework whose defaults section 4 of the paper quotes flips with probability 0.5.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Expected augment.steps.flip.p between 0 and 1, but got {p}.")
        super().__init__(p=p)

    def apply_directly(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "N 4"], Int64[np.ndarray, " N"]]:
        """The same step without Albumentations around it: boxes are xyxy in pixels (see `pipeline.Pipeline`)."""
        if generator.random() >= self.p:
            return image, boxes, labels
        mirrored = boxes.copy()
        mirrored[:, ::2] = image.shape[1] - boxes[:, 2::-2]  # left and right change places
        return cv2.flip(whole_pixels(image), 1), mirrored, labels  # pyright: ignore[reportReturnType]
