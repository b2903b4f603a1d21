"""The gray version of an image, to measure how much a detector loses without color, which GrayMixRGB is to reduce."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from typing import Any

import albumentations as A
import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from lightweight_ssd.ops.planes import whole_pixels

__all__ = ["Gray"]


class Gray(A.ImageOnlyTransform):
    """Gives all three channels the gray value 0.299 R + 0.587 G + 0.114 B, as OpenCV rounds it.

    Args:
        p: Probability, 0 to 1.

    Example:
        >>> Gray()(image=np.array([[[200, 100, 0]]], np.uint8))["image"].tolist()
        [[[119, 119, 119]]]
    """

    def __init__(self, p: float = 1.0) -> None:
        super().__init__(p=p)

    def apply_directly(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        generator: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "H W 3"], Float32[np.ndarray, "N 4"], Int64[np.ndarray, " N"]]:
        """The same step without Albumentations around it (see `pipeline.Pipeline`)."""
        return self.apply(image) if generator.random() < self.p else image, boxes, labels

    def apply(self, img: UInt8[np.ndarray, "H W 3"], **params: Any) -> UInt8[np.ndarray, "H W 3"]:
        """Hook of Albumentations: one image."""
        return cv2.cvtColor(cv2.cvtColor(whole_pixels(img), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)  # pyright: ignore[reportReturnType]
