"""From raw outputs and ground truth to the named, unweighted terms that training minimizes.

The criterion decides which anchor learns what and how sums are normalized; the two losses that it is given compute the
error of each anchor. Every tensor keeps the size of all anchors, masked where there is nothing to learn: selecting the
matched anchors would make the host wait for the device at every step.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, distributed, nn

from lightweight_ssd.ops.box_coding import decode, encode
from lightweight_ssd.ops.matching import match
from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.tensor_types import RawOutputs

__all__ = ["TERMS", "SSDCriterion"]

TERMS: Final = ("classification", "localization")
"""Names of the terms, which are also the keys of the weights."""


class SSDCriterion(nn.Module):
    """Matches anchors to objects and computes the classification and the localization term of a batch.

    Each term is summed over the batch and divided by the number of its matched anchors, at least 1.

    Args:
        classification: Loss of `(logits (B, A, C), labels (B, A))` to `(B, A)`; label −1 is background, and −2
            means that the anchor is not learned from.
        localization: Loss of `(prediction (..., 4), target (..., 4))` to `(...)`. Its attribute `space` says what it
            compares: "boxes" (xyxy, pixels) or "offsets" (encoded against the anchors).
        weights: Factor of each term in `total`, keyed by the names in `TERMS`; all 1 by default.
        match_threshold: Least IoU at which an anchor takes a ground truth, above 0, at most 1.
        variances: Variances of the box offsets (cx, cy, w, h), above 0; the same as the detector's.

    Raises:
        ValueError: A weight is unknown or missing, the threshold is out of range, there are not four positive
            variances, or the localization loss names no known space.

    Source: Section 3.4.1, and section 4 for focal loss. The normalizer is that of the framework which section 4's
    settings quote: matched anchors of the whole batch.
    """

    def __init__(
        self,
        classification: nn.Module,
        localization: nn.Module,
        weights: Mapping[str, float] | None = None,
        match_threshold: float = 0.5,
        variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
    ) -> None:
        super().__init__()
        weights = dict.fromkeys(TERMS, 1.0) if weights is None else dict(weights)
        _check_weights(weights)
        if not 0 < match_threshold <= 1:
            raise ValueError(f"Expected match_threshold above 0 and at most 1, but got {match_threshold}.")
        if len(variances) != 4 or min(variances) <= 0:
            raise ValueError(f"Expected variances to be four numbers above 0 (cx, cy, w, h), but got {variances}.")
        self.classification = classification
        self.localization = localization
        self.space = _space_of(localization)
        self.weights = weights
        self.match_threshold = match_threshold
        self.variances = tuple(variances)

    def assign(
        self, anchors: Float[Tensor, "A 4"], boxes: Float[Tensor, "B M 4"], labels: Int[Tensor, "B M"]
    ) -> Int64[Tensor, "B A"]:
        """Index of each anchor's ground truth, −1 for background, −2 to be ignored; see `ops.matching.match`."""
        return match(anchors, boxes, labels, self.match_threshold)

    @torch.no_grad()
    def normalizer(self, matches: Int64[Tensor, "B A"]) -> Float[Tensor, ""]:
        """Divisor of both terms: the matched anchors of the whole batch, at least 1, per rank.

        In a distributed training step it is the count over all ranks divided by their number: the averaging of the
        gradients then gives the sum over all ranks divided by the count over all ranks, as one process with the
        whole batch would. Out of training mode it is this rank's count: ranks may validate different numbers of
        batches, and a collective operation would then never return.
        """
        count = (matches >= 0).sum()
        ranks = 1
        if self.training and distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(count)
            ranks = distributed.get_world_size()
        return count.clamp(min=1) / ranks

    def forward(
        self,
        raw: RawOutputs,
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        matches: Int64[Tensor, "B A"] | None = None,
    ) -> dict[str, Tensor]:
        """Scalar, unweighted terms in float32, keyed by `TERMS`; finite without any object, localization then 0.

        Args:
            raw: The detector's raw outputs.
            boxes: Ground truths, xyxy, pixels of the network's input, padded; M = 0 is allowed.
            labels: Class index from 0, −1 where padded, −2 where the object is to be ignored.
            matches: Result of `assign`, if the caller has it already.
        """
        with torch.autocast(raw.logits.device.type, enabled=False):
            matches = self.assign(raw.anchors, boxes, labels) if matches is None else matches
            normalizer = self.normalizer(matches)
            localization = self._localization(raw, boxes, matches)
            classification = self.classification(at_least_float32(raw.logits), _matched_labels(labels, matches))
            return {
                "classification": classification.sum() / normalizer,
                "localization": localization.sum() / normalizer,
            }

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum of the terms that `forward` returned: what training minimizes."""
        return torch.stack([self.weights[name] * terms[name] for name in TERMS]).sum()

    def _localization(
        self, raw: RawOutputs, boxes: Float[Tensor, "B M 4"], matches: Int64[Tensor, "B A"]
    ) -> Float[Tensor, "B A"]:
        """Localization loss of each anchor, 0 where unmatched.

        An unmatched anchor is compared with itself on both sides: masking the result alone would let the NaN of an
        overflow pass, since the gradient of `where` is 0 · NaN there.
        """
        matched = (matches >= 0)[..., None]
        offsets = torch.where(matched, at_least_float32(raw.offsets), 0.0)
        targets = torch.where(matched, _matched_boxes(boxes, matches), raw.anchors)
        if self.space == "boxes":
            loss = self.localization(decode(offsets, raw.anchors, self.variances), targets)
        else:
            loss = self.localization(offsets, encode(targets, raw.anchors, self.variances))
        return torch.where(matched[..., 0], loss, 0.0)


def _matched_boxes(boxes: Float[Tensor, "B M 4"], matches: Int64[Tensor, "B A"]) -> Float[Tensor, "B A 4"]:
    """Ground truth box of each anchor; of zeros where it has none, which are the rows of −2 and −1 put in front."""
    padded = nn.functional.pad(boxes, (0, 0, 2, 0))
    return padded.gather(1, (matches + 2)[..., None].expand(-1, -1, 4))


def _matched_labels(labels: Int[Tensor, "B M"], matches: Int64[Tensor, "B A"]) -> Int[Tensor, "B A"]:
    """Class of each anchor, −1 for background, −2 where it is not learned from."""
    taken = nn.functional.pad(labels, (2, 0)).gather(1, matches + 2)
    return torch.where(matches >= 0, taken, matches.to(labels.dtype))


def _check_weights(weights: Mapping[str, float]) -> None:
    if set(weights) != set(TERMS):
        raise ValueError(f"Expected weights with exactly the keys {list(TERMS)}, but got {list(weights)}.")


def _space_of(localization: nn.Module) -> str:
    space = getattr(localization, "space", None)
    if space not in ("boxes", "offsets"):
        name = type(localization).__name__
        raise ValueError(f"Expected {name}.space to be 'boxes' or 'offsets', but got {space!r}.")
    return space
