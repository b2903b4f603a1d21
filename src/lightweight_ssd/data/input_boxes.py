"""The boxes of a split as the network's input has them: what anchors have to match."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["InputBoxes", "input_boxes"]


class InputBoxes(NamedTuple):
    """Boxes that training learns from, without an augmentation.

    Attributes:
        boxes: xyxy, pixels of the network's input.
        labels: Class index, from 0.
        images: Index of the image of each box.
    """

    boxes: Float64[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    images: Int64[np.ndarray, " N"]

    @property
    def sides(self) -> Float64[np.ndarray, " N"]:
        """Square root of the area of each box, pixels of the network's input."""
        return np.sqrt(np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 0).prod(1))


def input_boxes(annotations: PackedAnnotations, image_size: tuple[int, int]) -> InputBoxes:
    """Takes the boxes of a split to the network's input; crowd regions and ignored objects are left out.

    Args:
        annotations: The split.
        image_size: (height, width) of the network's input, pixels; the aspect of an image is not kept.
    """
    images = np.repeat(np.arange(len(annotations)), np.diff(annotations.offsets))
    learned = ~annotations.crowd & (annotations.labels != OTHER_CLASS)
    images = images[learned]
    scale = np.array(image_size, np.float64) / np.maximum(annotations.sizes[images], 1)
    boxes = annotations.boxes[learned].astype(np.float64) * scale[:, [1, 0, 1, 0]]
    return InputBoxes(boxes, annotations.labels[learned], images)
