"""The network that a device runs: an image as a camera gives it in, boxes and scores out, nothing left to look up."""

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.detector.fixed_size import FixedSizeDetector

__all__ = ["DeployedNetwork", "Outputs"]

Outputs = Literal["boxes", "raw", "nms"]


class DeployedNetwork(nn.Module):
    """Normalization, network and, unless the outputs are raw, the decoding of the boxes.

    Attributes:
        image_size: (height, width) of the images, pixels.
        detector: For images of that size.
        outputs: Names of the two outputs.
    """

    corner: Tensor

    def __init__(self, detector: Any, image_size: tuple[int, int], outputs: Outputs = "boxes") -> None:
        """Take what the detector is for one size of image.

        Args:
            detector: Trained, with `at_size`; it is put into evaluation mode.
            image_size: (height, width), pixels.
            outputs: `boxes`: boxes (B, A, 4), xyxy in pixels of the images, and scores (B, A, C), 0 to 1.
                `raw`: logits (B, A, C) and offsets (B, A, 4), to be decoded against `anchors`.
                `nms`: as `boxes`, cut to the image, for a suppression that the file's writer adds.

        Raises:
            ValueError: The detector has no graph of a fixed size, the size is less than it takes, or a runtime could
                not make scores of its raw outputs.
        """
        super().__init__()
        if not hasattr(detector, "at_size"):
            raise ValueError(
                f"Expected a single-shot detector to export but got {type(detector).__name__}, which has no graph of "
                "a fixed size for any format; predict with its checkpoint, or export another detector."
            )
        if outputs == "raw" and (lacking := _not_in_runtimes(detector)):
            raise ValueError(
                f"Expected outputs=boxes or outputs=nms for {lacking} the runtimes do not compute, but got "
                "outputs=raw; choose one of the two."
            )
        self.detector: FixedSizeDetector = detector.at_size(image_size)
        self.image_size, self.decodes, self.clips = image_size, outputs != "raw", outputs == "nms"
        self.outputs = ("boxes", "scores") if self.decodes else ("logits", "offsets")
        corner = self.anchors.new_tensor([image_size[1], image_size[0]] * 2)
        self.register_buffer("corner", corner, persistent=False)

    @property
    def anchors(self) -> Float[Tensor, "A 4"]:
        """xyxy in pixels of the images."""
        return self.detector.anchors

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "B A _"], Float[Tensor, "B A _"]]:
        """Compute the outputs.

        Args:
            images: (B, 3, height, width), RGB, 0 to 255, bytes or floats.

        Returns:
            The two outputs of the class's description, float32.
        """
        if not self.decodes:
            logits, offsets = self.detector.detector.trace(images)
            return logits, offsets
        boxes, scores = self.detector(images)
        return (boxes.clamp(min=0).minimum(self.corner) if self.clips else boxes), scores

    def boxes_and_scores(self, outputs: tuple[Tensor, Tensor]) -> tuple[Float[Tensor, "B A 4"], Float[Tensor, "B A C"]]:
        """What the outputs mean, whichever they are: boxes, xyxy in pixels, and scores, 0 to 1."""
        return outputs if self.decodes else self.detector.finish(outputs)


def _not_in_runtimes(detector: Any) -> str | None:
    """What a detector has that runtimes, which know sigmoids and SSD's coding alone, cannot make of raw outputs."""
    if getattr(detector.head, "background", False):
        return "a head with a background class, whose softmax"
    if hasattr(detector.head, "objectness"):
        return f"{type(detector.head).__name__}, whose objectness"
    if not isinstance(detector.coder, VarianceCoder):
        return f"{type(detector.coder).__name__}, whose boxes"
    return None
