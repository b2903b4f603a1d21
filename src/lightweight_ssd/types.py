"""The words that every floor of the house shares: one annotation, one training batch, raw outputs, detections."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, UInt8
from torch import Tensor

__all__ = ["EMA_KEY", "Annotation", "Batch", "Detections", "RawOutputs", "SampleKey"]

EMA_KEY = "ema_state_dict"  # where a checkpoint holds the moving average of its weights


class Annotation(NamedTuple):
    """What is known of one image before any augmentation.

    Attributes:
        image_id: Integer id, unique in its split; the `image_id` of COCO results files.
        path: Image file, absolute.
        height: Rows of the image file, pixels.
        width: Columns of the image file, pixels.
        boxes: xyxy, in pixels of the image file, continuous coordinates that start at 0.
        labels: Class index, from 0; there is no background class.
        difficult: Objects that evaluation counts neither way; training learns them like others (VOC's `difficult`).
        crowd: Regions of many objects under one box, which are nobody's ground truth: training leaves them out, and
            evaluation counts a detection inside neither way (COCO's `iscrowd`).
        areas: Area by which an object counts as small or large, square pixels: of its mask where there is one.
    """

    image_id: int
    path: str
    height: int
    width: int
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]
    crowd: Bool[np.ndarray, " N"]
    areas: Float32[np.ndarray, " N"]

    @classmethod
    def of_boxes(
        cls,
        image_id: int,
        path: str,
        height: int,
        width: int,
        boxes: Float32[np.ndarray, "N 4"],
        labels: Int64[np.ndarray, " N"],
        difficult: Bool[np.ndarray, " N"] | None = None,
    ) -> "Annotation":
        """An annotation without crowds and masks: areas are the boxes'; `difficult` is False where not given."""
        nobody = np.zeros(len(boxes), dtype=bool)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return cls(
            image_id, path, height, width, boxes, labels, nobody if difficult is None else difficult, nobody, areas
        )

    @property
    def ignored(self) -> Bool[np.ndarray, " N"]:
        """Objects that mean average precision counts neither way: the difficult ones and the crowds."""
        return self.difficult | self.crowd


class SampleKey(NamedTuple):
    """Which sample, drawn when: all that a data set needs to repeat it exactly, in any worker and after a resume.

    Attributes:
        epoch: Epoch, from 0.
        position: Place in the order of the whole epoch, over all ranks, from 0.
        index: Index of the image in its split.
    """

    epoch: int
    position: int
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]  # a tuple's method of this name is not missed


class Batch(NamedTuple):
    """A collated batch.

    Attributes:
        images: RGB, 0 to 255.
        boxes: xyxy in pixels of the network's input, padded with zeros to the largest count in the batch.
        labels: Class index, −1 where padded.
        annotations: The untouched annotation of each image, in the same order.
        skipped: One sentence for each file that could not be used while the batch was read, with `data.on_bad=skip`.
    """

    images: UInt8[Tensor, "B 3 H W"]
    boxes: Float[Tensor, "B M 4"]
    labels: Int[Tensor, "B M"]
    annotations: list[Annotation]
    skipped: list[str]


class RawOutputs(NamedTuple):
    """What the network says before any threshold or suppression.

    Attributes:
        logits: Class logits per anchor; a sigmoid makes them scores.
        offsets: Encoded (cx, cy, w, h) against the anchors.
        anchors: xyxy in pixels of the network's input.
    """

    logits: Float[Tensor, "B A C"]
    offsets: Float[Tensor, "B A 4"]
    anchors: Float[Tensor, "A 4"]


class Detections(NamedTuple):
    """What was found in one image, by falling score.

    Attributes:
        boxes: xyxy, in pixels of the network's input unless said otherwise.
        scores: 0 to 1.
        labels: Class index, from 0.
    """

    boxes: Float[Tensor, "D 4"]
    scores: Float[Tensor, " D"]
    labels: Int[Tensor, " D"]
