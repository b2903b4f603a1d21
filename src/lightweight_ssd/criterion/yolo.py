"""The criterion of YOLO: few anchors learn objects, most of the others that there is none, and some nothing.

Every tensor keeps the size of all anchors, as in SSD's criterion, so that the host never waits for the device.
"""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.coding.coder import Coder
from lightweight_ssd.matching.matcher import Matcher
from lightweight_ssd.ops.boxes import area, elementwise_iou
from lightweight_ssd.ops.matched_error import Space, matched_boxes, matched_error, space_of
from lightweight_ssd.ops.overlaps import overlaps_any
from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.ops.shared_count import shared_count
from lightweight_ssd.tensor_types import Losses, RawOutputs
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["TERMS", "YOLOCriterion"]

TERMS: Final = ("classification", "localization", "objectness")
"""Names of the terms, which are also the keys of the weights."""


class YOLOCriterion(nn.Module):
    """Matches anchors to objects and computes three terms of a batch, each summed over it and divided by its images.

        classification = Σ_matched classes
        localization   = Σ_matched (2 − w·h) · box
        objectness     = object · Σ_matched e(t_o, 1)  +  Σ_background e(t_o, 0)

    with w and h the object's shares of the image, so that small boxes weigh up to twice as much, and e the binary
    cross-entropy. An anchor without an object is background unless the IoU of its predicted box with some object is
    above `ignore`: it then learns nothing. With `rescore` the aim of a matched anchor is the IoU of its prediction and
    its object in place of 1, and e(t, y) = ½ (σ(t) − y)².

    Args:
        classification: Loss of `(logits (B, A, C), labels (B, A))` to `(B, A)`; label −2 means that the anchor is not
            learned from, as all that are unmatched.
        localization: As for SSD's criterion.
        matcher: Which anchor learns which object.
        coder: Of the boxes; the same as the detector's.
        ignore: IoU above which a prediction without an object of its own is no background, 0 to 1.
        rescore: False for YOLOv3, true for YOLOv2.
        object_weight: Factor of the matched anchors in the objectness, above 0; 1 for YOLOv3, 5 for YOLOv2.
        weights: Factor of each term in `total`, keyed by the names in `TERMS`; all 1 by default.

    Raises:
        ValueError: A weight is unknown or missing, a number is out of its range, or the localization loss names no
            known space.

    Source: Redmon and Farhadi, YOLO9000 (2017) and YOLOv3 (2018); factors and the ignored predictions are those of the
    authors' code, Darknet's `region_layer.c` and `yolo_layer.c`. Deviation: YOLOv2's pull of all anchors towards their
    own shapes during the first 12,800 images is left out.
    """

    def __init__(
        self,
        classification: nn.Module,
        localization: nn.Module,
        matcher: Matcher,
        coder: Coder,
        ignore: float = 0.5,
        rescore: bool = False,
        object_weight: float = 1.0,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        weights = dict.fromkeys(TERMS, 1.0) if weights is None else dict(weights)
        if set(weights) != set(TERMS):
            raise ValueError(f"Expected weights with exactly the keys {list(TERMS)}, but got {list(weights)}.")
        if not 0 <= ignore <= 1:
            raise ValueError(f"Expected ignore of the criterion from 0 to 1, but got {ignore}.")
        if object_weight <= 0:
            raise ValueError(f"Expected object_weight of the criterion above 0, but got {object_weight}.")
        self.classification = classification
        self.localization = localization
        self.space: Space = space_of(localization)
        self.matcher, self.coder = matcher, coder
        self.ignore, self.rescore, self.object_weight = ignore, rescore, object_weight
        self.weights = weights

    def forward(self, raw: RawOutputs, boxes: Float[Tensor, "B M 4"], labels: Int[Tensor, "B M"]) -> Losses:
        """Compute the losses of a batch; finite without any object, where only the background is left.

        In a distributed training step the terms are divided by what `shared_count` says of all ranks together.

        Args:
            raw: The detector's raw outputs, with objectness and cells.
            boxes: Ground truths, xyxy, pixels of the network's input, padded; M = 0 is allowed.
            labels: Class index from 0, −1 where padded, −2 where the object is to be ignored.

        Returns:
            The terms, keyed by `TERMS`, and the number of images, which divides them.

        Raises:
            ValueError: The detector's head does not predict objectness.
        """
        with torch.autocast(raw.logits.device.type, enabled=False):
            matches = self.matcher(raw.anchors, boxes, labels, raw.cells)
            images = torch.full((), len(boxes), dtype=torch.int64, device=boxes.device)
            normalizer = shared_count(images, among_ranks=self.training)
            terms = {
                "classification": self.classification(at_least_float32(raw.logits), _labels(labels, matches)),
                "localization": self._localization(raw, boxes, matches),
                "objectness": self._objectness(raw, boxes, labels, matches),
            }
            terms = {name: term.sum() / normalizer for name, term in terms.items()}
            return Losses(terms, (matches >= 0).sum(), divisor=images)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum of the terms that `forward` returned: what training minimizes."""
        return torch.stack([self.weights[name] * terms[name] for name in TERMS]).sum()

    def _localization(
        self, raw: RawOutputs, boxes: Float[Tensor, "B M 4"], matches: Int64[Tensor, "B A"]
    ) -> Float[Tensor, "B A"]:
        """Localization loss of each anchor, 0 where unmatched; more for a small object."""
        error = matched_error(
            self.localization, self.space, self.coder, raw.offsets, raw.anchors, raw.cells, boxes, matches
        )
        share = functional.pad(area(boxes) / _image_area(raw), (2, 0)).gather(1, matches + 2)
        return (2 - share) * error

    def _objectness(
        self,
        raw: RawOutputs,
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        matches: Int64[Tensor, "B A"],
    ) -> Float[Tensor, "B A"]:
        """Error of the objectness of each anchor, 0 where it learns nothing."""
        if raw.objectness is None:
            raise ValueError("Expected a head with objectness, such as YOLOHead, for YOLOCriterion but got none.")
        logits, matched = at_least_float32(raw.objectness), matches >= 0
        with torch.no_grad():
            predicted = self.coder.decode(raw.offsets, raw.anchors, raw.cells)
            near = overlaps_any(predicted, boxes.float(), (labels >= 0) | (labels == OTHER_CLASS), self.ignore)
            aim = matched.to(logits.dtype)
            if self.rescore:
                aim = aim * elementwise_iou(predicted, matched_boxes(boxes, matches).float())
        if self.rescore:
            error = (logits.sigmoid() - aim).square() / 2
        else:
            error = functional.binary_cross_entropy_with_logits(logits, aim, reduction="none")
        background = (matches == -1) & ~near
        return error * torch.where(matched, self.object_weight, background.to(logits.dtype))


def _labels(labels: Int[Tensor, "B M"], matches: Int64[Tensor, "B A"]) -> Int[Tensor, "B A"]:
    """Class of each anchor; −2 where it has no object, since classes are learned from objects alone."""
    taken = functional.pad(labels, (2, 0)).gather(1, matches + 2)
    return torch.where(matches >= 0, taken, OTHER_CLASS)


def _image_area(raw: RawOutputs) -> Float[Tensor, ""]:
    """Square pixels of the network's input, whose right and lower edges are those of the last cells."""
    assert raw.cells is not None
    centers = (raw.anchors[..., :2] + raw.anchors[..., 2:]) / 2
    return (centers + raw.cells / 2).flatten(0, -2).amax(dim=0).prod()
