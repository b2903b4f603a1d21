"""The two-stage detector: region proposals first, then what each of them holds.

Each stage is a single-shot head: the first has anchors, and the second has the boxes that the first proposes in their
place. So both have raw outputs of the same kind, and are matched, coded, learned and read by the same parts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lightweight_ssd.anchors.generator import AnchorGenerator
from lightweight_ssd.coding.coder import Coder
from lightweight_ssd.detector.drawing import Drawing
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
from lightweight_ssd.tensor_types import Detections, RawOutputs, TwoStageOutputs

__all__ = ["TwoStageDetector", "TwoStagePostProcess"]


@dataclass(frozen=True, kw_only=True)
class TwoStagePostProcess(PostProcess):
    """The post-processing of the second stage's outputs."""

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, raw: TwoStageOutputs, image_size: tuple[int, int], labels: Sequence[int] | None = None
    ) -> list[Detections]:
        """See `PostProcess`."""
        return super().__call__(raw.second, image_size, labels)


class TwoStageDetector(nn.Module):
    """Images to the raw outputs of both stages; `predict` goes on to detections.

    In training the second stage learns from proposals that are drawn, in evaluation it says something of all of them.
    Proposals pass no gradient. The suppression between the stages keeps both from being one graph, so there is no
    `at_size`, which exports ask for.

    Attributes:
        num_classes: Classes, background not counted.
        coder: Of the final boxes, against the proposals.
        postprocess: Raw outputs to detections, `postprocess(raw, size)`.
        min_size: Shortest side of an image that the network takes, pixels.
        draws: How often proposals were drawn: the seed of the next draw, so that a resumed run draws as one that was
            not stopped.

    Source: Ren et al., "Faster R-CNN", 2015, section 3.
    """

    mean: Tensor
    std: Tensor
    draws: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        neck: Callable[..., nn.Module],
        rpn: Callable[..., nn.Module],
        rpn_head: Callable[..., nn.Module],
        anchors: AnchorGenerator,
        rpn_coder: Coder,
        proposals: Mapping[str, Mapping[str, Any]],
        draw: Drawing,
        pool: Any,
        head: Callable[..., nn.Module],
        coder: Coder,
        num_classes: int,
        attention: Callable[..., nn.Module] | None = None,
        postprocess: Mapping[str, Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        """Complete each part with the channels of the one before.

        Args:
            backbone: Has `out_channels` and `strides`, one of each per level.
            neck: Called with `in_channels`; makes one map of the levels.
            rpn: Called with `in_channels`; its layers stand before the predictors of the proposals.
            rpn_head: Called as the head of a single-shot detector, with one class.
            anchors: Of one level, made in the order of `rpn_head`.
            rpn_coder: Between proposals and offsets against the anchors.
            proposals: Thresholds and limits of the proposals, keyed by the attributes of `Thresholds`, for `training`
                and for `evaluation`; `max_detections` is their number.
            draw: Which of them training learns from.
            pool: Map and proposals to the features of each; has `features(channels)`.
            head: Called with `in_features` and `num_classes`; maps features to logits and offsets, and has `scores`.
            coder: Between final boxes and offsets against the proposals.
            num_classes: Classes, background not counted.
            attention: Called with `in_channels` and `channels`; weighs the map before pooling. None = none does.
            postprocess: As in `Detector`, as the next two.
            mean: Of red, green and blue, 0 to 255.
            std: Likewise.

        Raises:
            ValueError: For a setting that a part does not take, or a neck that leaves more than one level.
        """
        super().__init__()
        self.backbone = backbone
        self.neck = neck(in_channels=backbone.out_channels)
        channels = _one_level(self.neck, backbone)
        self.rpn: Any = rpn(in_channels=channels)
        hidden = self.rpn.out_channels
        self.rpn_head: Any = rpn_head(in_channels=[hidden], anchors_per_cell=anchors.per_cell(1), num_classes=1)
        self.attention = None if attention is None else attention(in_channels=hidden, channels=channels)
        self.head: Any = head(in_features=pool.features(channels), num_classes=num_classes)
        self.anchors, self.pool, self.draw = anchors, pool, draw
        self.num_classes, self.coder = num_classes, coder
        meaning = {"scores": self.rpn_head.scores, "coder": rpn_coder}
        self._propose = {mode: PostProcess(**known_thresholds(proposals[mode]), **meaning) for mode in _MODES}
        settings = known_thresholds(postprocess or {})
        self.postprocess = TwoStagePostProcess(**settings, scores=self.head.scores, coder=coder)
        self.min_size = least_side(backbone)
        for name, values in normalization(backbone, {"mean": mean, "std": std}).items():
            self.register_buffer(name, values, persistent=False)
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))
        self._kept_anchors = KeptAnchors(anchors)

    def forward(
        self, images: Images, boxes: Float[Tensor, "B M 4"] | None = None, labels: Int[Tensor, "B M"] | None = None
    ) -> TwoStageOutputs:
        """Compute the raw outputs.

        Args:
            images: RGB, 0 to 255, bytes or floats; not normalized.
            boxes: Objects, xyxy, pixels of the images, padded; in training mode alone they are used, to draw proposals.
            labels: Of the objects; −1 where padded, −2 where the object is to be ignored.

        Returns:
            Of the first stage those of all anchors, of the second those of the proposals.

        Raises:
            ValueError: For images that are not (B, 3, H, W) or too small.
        """
        size = (images.shape[-2], images.shape[-1])
        features, hidden = self._maps(images)
        made = self._kept_anchors([hidden], images)
        logits, offsets = self.rpn_head([hidden])
        first = RawOutputs(logits, offsets, made.boxes, made.cells)
        proposals = self._proposals(first, size, boxes, labels)
        logits, offsets = self._second(features, proposals, size)
        return TwoStageOutputs(first, RawOutputs(logits, offsets, proposals))

    def trace(self, images: Images) -> tuple[Tensor, ...]:
        """Compute what the weights compute, with as many proposals as in evaluation, each the whole image.

        Args:
            images: As for `forward`.

        Returns:
            The outputs of the first head, one row per anchor, then of the second, one row per proposal.

        Raises:
            ValueError: As `forward`.
        """
        size = (images.shape[-2], images.shape[-1])
        features, hidden = self._maps(images)
        whole = torch.zeros(len(images), self._propose["evaluation"].max_detections, 4, device=images.device)
        whole[..., 2] += size[1]
        whole[..., 3] += size[0]
        return (*self.rpn_head([hidden]), *self._second(features, whole, size))

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compile the backbone and the neck; the number of proposals that a suppression leaves breaks a graph."""
        self.backbone.compile(*arguments, **options)
        self.neck.compile(*arguments, **options)

    @torch.no_grad()
    def predict(self, images: Images, postprocess: TwoStagePostProcess | None = None) -> list[Detections]:
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

    def _maps(self, images: Tensor) -> tuple[Float[Tensor, "B _ H W"], Float[Tensor, "B _ H W"]]:
        """The map that proposals are pooled from, and what the predictors of the proposals see."""
        check_images(images, self.min_size)
        (features,) = self.neck(self.backbone((images.to(self.mean.dtype) - self.mean) / self.std))
        hidden = self.rpn(features)
        return features if self.attention is None else self.attention(features, hidden), hidden

    @torch.no_grad()
    def _proposals(
        self, first: RawOutputs, size: tuple[int, int], boxes: Tensor | None, labels: Tensor | None
    ) -> Float[Tensor, "B R 4"]:
        """Boxes to look at, padded with boxes of no area; in training those that are learned from."""
        propose = self._propose["training" if self.training else "evaluation"]
        found, count = propose(first, size), propose.max_detections
        proposals = _padded(found, count) if found else first.anchors.new_zeros(0, count, 4)
        if not self.training or boxes is None or labels is None:
            return proposals
        self.draws += 1
        return self.draw(proposals, boxes, labels, self.draws)

    def _second(
        self, features: Tensor, proposals: Float[Tensor, "B R 4"], size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Logits and offsets of each proposal."""
        logits, offsets = self.head(self.pool(features, proposals, size))
        return logits.unflatten(0, proposals.shape[:2]), offsets.unflatten(0, proposals.shape[:2])


_MODES = ("training", "evaluation")


def _one_level(neck: nn.Module, backbone: nn.Module) -> int:
    """Channels of the neck's only level."""
    channels: Any = neck.out_channels
    if len(channels) != 1:
        raise ValueError(
            f"Expected a backbone and a neck with one level for a detector of two stages but {type(backbone).__name__} "
            f"and {type(neck).__name__} have {len(channels)}; give neck=cem, which makes one of them."
        )
    return channels[0]


def _padded(found: list[Detections], count: int) -> Float[Tensor, "B N 4"]:
    """The boxes of each image, of which there is one at least, and zeros after them."""
    return torch.stack([nn.functional.pad(each.boxes, (0, 0, 0, count - len(each.boxes))) for each in found])
