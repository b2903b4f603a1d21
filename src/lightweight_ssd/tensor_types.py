"""Named tuples of tensors: a training batch, a network's raw outputs, detections. The numpy ones are in `types`."""

from typing import NamedTuple

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lightweight_ssd.types import Annotation

__all__ = ["Batch", "Detections", "RawOutputs"]


class Batch(NamedTuple):
    """A collated batch.

    Attributes:
        images: RGB, 0 to 255.
        boxes: xyxy in pixels of the network's input, padded with zeros to the largest count in the batch.
        labels: Class index, −1 where padded, `OTHER_CLASS` (−2) for an object that the loss ignores.
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
