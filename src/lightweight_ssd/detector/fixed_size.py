"""A single-shot detector for one size of image, as files for devices hold it: its anchors are constants.

A detector makes its anchors anew for every size of image. Where the size is fixed, nothing in the graph depends on a
size that is known only at run time, and every exporter takes it.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.tensor_types import RawOutputs

__all__ = ["FixedSizeDetector"]


class FixedSizeDetector(nn.Module):
    """From images to boxes and scores of every anchor.

    Attributes:
        anchors: (A, 4), xyxy in pixels of the images.
        cells: (A, 2), width and height of their cells, pixels; None where the detector has none.
    """

    anchors: Tensor
    cells: Tensor | None

    def __init__(self, detector: Any, raw: RawOutputs, postprocess: PostProcess) -> None:
        """Keep the anchors.

        Args:
            detector: Its `trace` is what the graph computes; in evaluation mode.
            raw: Of one image of the size.
            postprocess: Has the meaning of the outputs.
        """
        super().__init__()
        self.detector = detector
        for name in ("anchors", "cells"):
            value = getattr(raw, name)
            self.register_buffer(name, None if value is None else value.detach().clone(), persistent=False)
        self.scores = postprocess.scores
        self.decoder = postprocess.coder.decoder(self.anchors, self.cells)

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "B A 4"], Float[Tensor, "B A C"]]:
        """Boxes, xyxy in pixels of the images, and scores, 0 to 1.

        Args:
            images: (B, 3, H, W), RGB, 0 to 255, bytes or floats.
        """
        return self.finish(self.detector.trace(images))

    def finish(self, outputs: tuple[Tensor, ...]) -> tuple[Float[Tensor, "B A 4"], Float[Tensor, "B A C"]]:
        """Boxes and scores from what the detector's `trace` gives.

        Args:
            outputs: Logits and offsets, and the objectness of heads that have one.
        """
        logits, offsets, *objectness = outputs
        raw = RawOutputs(logits, offsets, self.anchors, self.cells, objectness[0] if objectness else None)
        return self.decoder(offsets), self.scores(raw)
