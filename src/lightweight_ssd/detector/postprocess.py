"""From raw outputs to detections: scores, threshold, suppression of duplicates, the best few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from lightweight_ssd.ops.box_coding import decode
from lightweight_ssd.ops.thresholds import Thresholds, known_thresholds
from lightweight_ssd.tensor_types import Detections, RawOutputs

__all__ = ["PostProcess", "postprocess"]


@dataclass(frozen=True)
class PostProcess(Thresholds):
    """The post-processing of a detector with its settings; `dataclasses.replace` makes one with other settings.

    Attributes:
        variances: Of the box coding, for (cx, cy, w, h); the others are those of `Thresholds`.

    Raises:
        ValueError: On construction, for a setting out of its range.

    Example:
        >>> from dataclasses import replace
        >>> strict = replace(PostProcess(), score_threshold=0.5)
        >>> anchors, logits = torch.tensor([[0.0, 0.0, 20.0, 20.0]]), torch.tensor([[[2.0, -9.0]]])
        >>> strict(RawOutputs(logits, torch.zeros(1, 1, 4), anchors), (100, 100))[0].labels.tolist()
        [0]
    """

    variances: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2)

    def __call__(self, raw: RawOutputs, image_size: tuple[int, int]) -> list[Detections]:
        """Turn raw outputs into detections, one item per image, by falling score.

        Args:
            raw: Of a batch of B images.
            image_size: (H, W) of the network's input, pixels.
        """
        return postprocess(raw, image_size, **vars(self))

    @classmethod
    def of(cls, settings: Mapping[str, Any], variances: Sequence[float]) -> "PostProcess":
        """The post-processing of a configuration's `detector.postprocess`.

        Raises:
            ValueError: Also for a setting that it does not know or that is no number.
        """
        return cls(**known_thresholds(settings), variances=tuple(variances))


def postprocess(
    raw: RawOutputs,
    image_size: tuple[int, int],
    variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
    score_threshold: float = 0.01,
    iou_threshold: float = 0.6,
    max_detections: int = 100,
    max_candidates: int = 1000,
) -> list[Detections]:
    """Turn raw outputs into detections, by falling score.

    One anchor may be detected as several classes. Logits and offsets that are not finite are no detections.

    Args:
        raw: Of a batch of B images.
        image_size: (H, W) of the network's input, pixels, to which boxes are clipped.
        variances: Of the box coding.
        score_threshold: A detection scores more than this, 0 to 1. High values cost mean average precision.
        iou_threshold: Of two boxes of one class that overlap more, only the one with the higher score stays.
        max_detections: Per image, over all classes.
        max_candidates: (anchor, class) pairs per image, the best, that go into the suppression.

    Returns:
        One item per image; boxes and scores in float32, boxes inside the image and never empty.

    Example:
        >>> anchors = torch.tensor([[0.0, 0.0, 20.0, 20.0], [1.0, 0.0, 21.0, 20.0], [50.0, 50.0, 90.0, 110.0]])
        >>> logits = torch.tensor([[[2.0, -9.0], [1.0, -9.0], [-9.0, 0.0]]])
        >>> found = postprocess(RawOutputs(logits, torch.zeros(1, 3, 4), anchors), (100, 100))[0]
        >>> found.boxes.tolist(), found.labels.tolist()
        ([[0.0, 0.0, 20.0, 20.0], [50.0, 50.0, 90.0, 100.0]], [0, 1])

    Source: the defaults of the framework that section 4 quotes, but boxes are clipped before the suppression, not
    after it: torchvision keeps classes apart by shifting their boxes, which is only right inside the image.
    """
    scores, anchor, labels = _candidates(raw.logits, score_threshold, max_candidates)
    offsets = raw.offsets.gather(1, anchor[..., None].expand(-1, -1, 4))
    boxes = decode(offsets.float(), raw.anchors[anchor].float(), variances)
    whole = (scores > score_threshold) & boxes.isfinite().all(dim=-1)
    boxes = clip_boxes_to_image(boxes, image_size)
    keep = whole & (boxes[..., 2:] > boxes[..., :2]).all(dim=-1)
    images = zip(boxes, scores, labels, keep, strict=True)
    return [_suppress(Detections(b[k], s[k], c[k]), iou_threshold, max_detections) for b, s, c, k in images]


def _candidates(logits: Tensor, threshold: float, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (B, K), anchors and classes of the `count` best pairs of each image.

    Pairs at or below the threshold, or not a number, score −1.
    """
    batch, anchors, classes = logits.shape
    scores = logits.float().sigmoid().reshape(batch, anchors * classes)
    scores = torch.where(scores > threshold, scores, -1.0)
    best, pair = scores.topk(min(count, anchors * classes), dim=1)
    return best, pair // classes, pair % classes


def _suppress(found: Detections, iou_threshold: float, count: int) -> Detections:
    """The `count` best of what stays of one image after suppression per class."""
    keep = batched_nms(found.boxes, found.scores, found.labels, iou_threshold)[:count]
    return Detections(found.boxes[keep], found.scores[keep], found.labels[keep])
