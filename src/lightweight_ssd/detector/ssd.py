"""The single-shot detector: backbone, neck, head and anchors put together.

Training, measuring and profiling know a detector by its calls alone: `detector(images, boxes, labels)` for raw outputs,
which only its criterion and its post-processing look into, `detector.postprocess(raw, size)`, and `detector.trace`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lightweight_ssd.anchors.generator import AnchorGenerator
from lightweight_ssd.coding.coder import Coder
from lightweight_ssd.detector.fixed_size import FixedSizeDetector
from lightweight_ssd.detector.inputs import (
    Images,
    KeptAnchors,
    check_evaluation,
    check_images,
    least_side,
    normalization,
)
from lightweight_ssd.detector.postprocess import PostProcess
from lightweight_ssd.ops.thresholds import known_thresholds
from lightweight_ssd.tensor_types import Detections, RawOutputs

__all__ = ["Detector"]


class Detector(nn.Module):
    """Images to raw outputs, the same in training and evaluation; `predict` goes on to detections.

    Attributes:
        num_classes: Classes, background not counted.
        coder: Of the boxes.
        postprocess: Raw outputs to detections, `postprocess(raw, size)`; validation has its loss from the raw ones.
        min_size: Shortest side of an image that the network takes, pixels: that of the backbone where it has one, else
            half a cell of the coarsest level, but no more than 64.

    Source: section 3.1 and figure 2.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        neck: Callable[..., nn.Module],
        head: Callable[..., nn.Module],
        anchors: AnchorGenerator,
        coder: Coder,
        num_classes: int,
        postprocess: Mapping[str, Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        """Complete the neck with the backbone's channels and the head with the neck's.

        Args:
            backbone: Has `out_channels` and `strides`, one of each per level, and `min_size` where it needs more than
                half a cell of its coarsest level.
            neck: Called with `in_channels`; the neck has `out_channels`.
            head: Called with `in_channels`, `anchors_per_cell` and `num_classes`; the head maps the neck's levels to
                its outputs, and its `scores` says what they mean.
            anchors: Made in the order of the head.
            coder: Between boxes and offsets; the criterion has the same.
            num_classes: Classes, background not counted.
            postprocess: Thresholds and limits, keyed by the attributes of `Thresholds`; none: its defaults.
            mean: Of red, green and blue, 0 to 255; subtracted from the images. None = what the backbone's
                `loaded_weights` expect, or ImageNet's.
            std: Of red, green and blue, 0 to 255; the images are divided by it. None = likewise.

        Raises:
            ValueError: For a setting of the post-processing that it does not know or that is out of range.
        """
        super().__init__()
        self.backbone = backbone
        self.neck = neck(in_channels=backbone.out_channels)
        out_channels: Any = self.neck.out_channels
        per_cell = anchors.per_cell(len(out_channels))
        self.head: Any = head(in_channels=out_channels, anchors_per_cell=per_cell, num_classes=num_classes)
        self.anchors = anchors
        self.num_classes = num_classes
        self.coder = coder
        self.postprocess = PostProcess(**known_thresholds(postprocess or {}), scores=self.head.scores, coder=coder)
        self.min_size = least_side(backbone)
        for name, values in normalization(backbone, {"mean": mean, "std": std}).items():
            self.register_buffer(name, values, persistent=False)
        self._kept_anchors = KeptAnchors(anchors)

    def forward(
        self, images: Images, boxes: Float[Tensor, "B M 4"] | None = None, labels: Int[Tensor, "B M"] | None = None
    ) -> RawOutputs:
        """Compute the raw outputs.

        Args:
            images: RGB, 0 to 255, bytes or floats; not normalized.
            boxes: Not used: detectors of other kinds learn from objects already here.
            labels: Likewise.

        Returns:
            logits: (B, A, C), in the precision of the autocast, if any.
            offsets: (B, A, 4), likewise.
            anchors: (A, 4), float32, xyxy in pixels of `images`.
            cells: (A, 2), float32, width and height of their cells, pixels.
            objectness: (B, A), as the logits, of heads that predict it; else None.

        Raises:
            ValueError: For images that are not (B, 3, H, W) or too small.
        """
        maps = self._maps(images)
        logits, offsets, *objectness = self.head(maps)
        anchors = self._kept_anchors(maps, images)
        return RawOutputs(logits, offsets, anchors.boxes, anchors.cells, *objectness)

    def trace(self, images: Images) -> tuple[Tensor, ...]:
        """Compute what the weights compute: each layer once, and no step that depends on the values in the tensors.

        So it runs on tensors without values, and is one graph for a compiler.

        Args:
            images: As for `forward`.

        Returns:
            The outputs of the head, each with one row per anchor: (B, A, …).

        Raises:
            ValueError: As `forward`.
        """
        return self.head(self._maps(images))

    def at_size(self, image_size: tuple[int, int]) -> FixedSizeDetector:
        """The detector for images of one size, as a graph without anything to look up; see `FixedSizeDetector`.

        Args:
            image_size: (H, W), pixels.

        Raises:
            ValueError: The size is less than the network takes.
        """
        with torch.no_grad():
            raw = self.eval()(torch.zeros(1, 3, *image_size, device=self.mean.device))
        return FixedSizeDetector(self, raw, self.postprocess)

    @torch.no_grad()
    def predict(self, images: Images, postprocess: PostProcess | None = None) -> list[Detections]:
        """Detect the objects of each image; the detector must be in evaluation mode.

        Args:
            images: As for `forward`.
            postprocess: In place of the detector's own, such as `dataclasses.replace(detector.postprocess, …)`.

        Returns:
            Per image at most `max_detections`, by falling score; boxes in pixels of `images`.

        Raises:
            ValueError: In training mode, where the images of a batch would change each other's detections.
        """
        check_evaluation(self)
        height, width = images.shape[-2:]
        return (postprocess or self.postprocess)(self(images), (height, width))

    def _maps(self, images: Tensor) -> list[Tensor]:
        """The levels of the neck."""
        check_images(images, self.min_size)
        return self.neck(self.backbone((images.to(self.mean.dtype) - self.mean) / self.std))
