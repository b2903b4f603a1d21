"""From raw outputs to detections: scores, threshold, suppression of duplicates, the best few."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from lightweight_ssd.coding.coder import Coder
from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.tensor_types import Detections, RawOutputs

__all__ = ["PostProcess"]


@dataclass(frozen=True, kw_only=True)
class PostProcess(Thresholds):
    """The post-processing of a detector with its settings; `dataclasses.replace` makes one with other settings.

    Attributes:
        scores: What the head says of each class, 0 to 1; a score is a threshold's measure.
        coder: Of the boxes. The other attributes are those of `Thresholds`.

    Raises:
        ValueError: On construction, for a setting out of its range.

    Example:
        >>> from dataclasses import replace
        >>> from lightweight_ssd.coding.variance import VarianceCoder
        >>> anchors = torch.tensor([[0.0, 0.0, 20.0, 20.0], [1.0, 0.0, 21.0, 20.0], [50.0, 50.0, 90.0, 110.0]])
        >>> logits = torch.tensor([[[2.0, -9.0], [1.0, -9.0], [-9.0, 0.0]]])
        >>> raw = RawOutputs(logits, torch.zeros(1, 3, 4), anchors)
        >>> postprocess = PostProcess(scores=lambda raw: raw.logits.sigmoid(), coder=VarianceCoder())
        >>> found = postprocess(raw, (100, 100))[0]
        >>> found.boxes.tolist(), found.labels.tolist()
        ([[0.0, 0.0, 20.0, 20.0], [50.0, 50.0, 90.0, 100.0]], [0, 1])
        >>> replace(postprocess, score_threshold=0.6)(raw, (100, 100))[0].labels.tolist()
        [0]

    Source: the defaults of the framework that section 4 quotes, but boxes are clipped before the suppression, not
    after it: torchvision keeps classes apart by shifting their boxes, which is only right inside the image.
    """

    scores: Callable[[RawOutputs], Float[Tensor, "B A C"]]
    coder: Coder

    def __call__(
        self, raw: RawOutputs, image_size: tuple[int, int], labels: Sequence[int] | None = None
    ) -> list[Detections]:
        """Turn raw outputs into detections, one item per image, by falling score.

        Args:
            raw: Of a batch of B images.
            image_size: (H, W) of the network's input, pixels.
            labels: The only classes to be found: others compete for no place among the detections. None = all.

        Returns:
            One item per image; boxes and scores in float32, boxes inside the image and never empty.
        """
        scores = self.scores(raw).float()
        scores, anchor, classes = self._candidates(scores if labels is None else _of_classes(scores, labels))
        offsets = _rows(*_one_per_row(raw.offsets, anchor, classes)).float()
        cells = None if raw.cells is None else _rows(raw.cells, anchor)
        boxes = self.coder.decode(offsets, _rows(raw.anchors, anchor).float(), cells)
        whole = (scores > self.score_threshold) & boxes.isfinite().all(dim=-1)
        boxes = clip_boxes_to_image(boxes, image_size)
        keep = whole & (boxes[..., 2:] > boxes[..., :2]).all(dim=-1)
        images = zip(boxes, scores, classes, keep, strict=True)
        return [self._suppress(Detections(b[k], s[k], c[k])) for b, s, c, k in images]

    def _candidates(self, scores: Float[Tensor, "B A C"]) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (B, K), anchors and classes of the best pairs of each image.

        Pairs at or below the threshold, or not a number, score −1.
        """
        batch, anchors, classes = scores.shape
        scores = scores.reshape(batch, anchors * classes)
        scores = torch.where(scores > self.score_threshold, scores, -1.0)
        best, pair = scores.topk(min(self.max_candidates, anchors * classes), dim=1)
        return best, pair // classes, pair % classes

    def _suppress(self, found: Detections) -> Detections:
        """The best few of what stays of one image after suppression per class."""
        keep = batched_nms(found.boxes, found.scores, found.labels, self.iou_threshold)[: self.max_detections]
        return Detections(found.boxes[keep], found.scores[keep], found.labels[keep])


def _rows(values: Tensor, anchor: Int[Tensor, "B K"]) -> Float[Tensor, "B K N"]:
    """Rows of values (A, N) that all images share, or of (B, A, N)."""
    if values.ndim == 2:
        return values[anchor]
    return values.gather(1, anchor[..., None].expand(-1, -1, values.shape[-1]))


def _one_per_row(offsets: Tensor, anchor: Tensor, classes: Tensor) -> tuple[Tensor, Int[Tensor, "B K"]]:
    """Offsets (B, N, 4) and the wanted rows of them: of the anchors, or of the pairs where each class has its own."""
    if offsets.ndim == 3:
        return offsets, anchor
    return offsets.flatten(1, 2), anchor * offsets.shape[2] + classes


def _of_classes(scores: Float[Tensor, "B A C"], labels: Sequence[int]) -> Float[Tensor, "B A C"]:
    """The same with the score 0 for every other class."""
    kept = torch.zeros(scores.shape[-1], dtype=torch.bool, device=scores.device)
    kept[list(labels)] = True
    return scores.masked_fill(~kept, 0.0)
