"""Named tuples of tensors: a batch, anchors, raw outputs, losses, detections. The numpy ones are in `types`."""

from typing import NamedTuple

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from lightweight_ssd.types import Annotation

__all__ = ["Anchors", "Batch", "Detections", "Losses", "RawOutputs", "TwoStageOutputs"]


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


class Anchors(NamedTuple):
    """The anchors of one size of image.

    Attributes:
        boxes: xyxy in pixels of the network's input.
        cells: (width, height) of the cell that each lies in, pixels.
    """

    boxes: Float[Tensor, "A 4"]
    cells: Float[Tensor, "A 2"]


class RawOutputs(NamedTuple):
    """What a single-shot network says before any threshold or suppression.

    Only the parts that belong to one detector look into it: its head says what the logits mean (`scores`), its coder
    what the offsets mean, its criterion compares both with the objects. To everything else it is opaque; detectors of
    other kinds have raw outputs of other kinds.

    Attributes:
        logits: Class logits per anchor.
        offsets: Encoded boxes, against the anchors; one per anchor, or one per anchor and class.
        anchors: xyxy in pixels of the network's input; the same for all images, or each image's own.
        cells: (width, height) of the cell of each anchor, pixels, for coders and matchers that count in cells; None
            where none does.
        objectness: Logits of whether an anchor has an object at all, from heads that ask; else None.
    """

    logits: Float[Tensor, "B A C"]
    offsets: Float[Tensor, "B A 4"] | Float[Tensor, "B A C 4"]
    anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"]
    cells: Float[Tensor, "A 2"] | Float[Tensor, "B A 2"] | None = None
    objectness: Float[Tensor, "B A"] | None = None


class TwoStageOutputs(NamedTuple):
    """What a network of two stages says: each is as a single shot; the anchors of the second are the first's boxes.

    Attributes:
        first: Of the region proposals, whose one class is "object".
        second: Of the proposals, (B, R) of them; one without area is padding.
    """

    first: RawOutputs
    second: RawOutputs


class Losses(NamedTuple):
    """What a criterion finds in a batch.

    Attributes:
        terms: Scalars in float32 by name, not weighted yet: the criterion's `total` does that.
        matched: Number of anchors of the batch, on this process, that learn an object.
        divisor: What the terms are divided by where this process is the only one, such as the matched anchors, or the
            images of the batch; a batch that is split into passes is put together again by it.
    """

    terms: dict[str, Tensor]
    matched: Int[Tensor, ""]
    divisor: Int[Tensor, ""]


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
