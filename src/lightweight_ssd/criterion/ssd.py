"""The criterion of single-shot detectors as SSD: every anchor learns its object, or that there is none.

It decides which anchor learns what and how sums are normalized; the two losses that it is given compute the error of
each anchor. Every tensor keeps the size of all anchors, masked where there is nothing to learn: selecting the matched
anchors would make the host wait for the device at every step.
"""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn

from lightweight_ssd.coding.coder import Coder
from lightweight_ssd.matching.matcher import Matcher
from lightweight_ssd.ops.matched_error import Space, matched_error, space_of
from lightweight_ssd.ops.precision import at_least_float32
from lightweight_ssd.ops.shared_count import shared_count
from lightweight_ssd.tensor_types import Losses, RawOutputs

__all__ = ["TERMS", "SSDCriterion"]

TERMS: Final = ("classification", "localization")
"""Names of the terms, which are also the keys of the weights."""


class SSDCriterion(nn.Module):
    """Matches anchors to objects and computes the classification and the localization term of a batch.

    Each term is summed over the batch and divided by the number of its matched anchors, at least 1; or by a fixed
    number for each image, where the losses draw so many anchors of it.

    Args:
        classification: Loss of `(logits (B, A, C), labels (B, A))` to `(B, A)`; label −1 is background, and −2
            means that the anchor is not learned from.
        localization: Loss of `(prediction (..., 4), target (..., 4))` to `(...)`. Its attribute `space` says what it
            compares: "boxes" (xyxy, pixels) or "offsets" (encoded against the anchors).
        matcher: Which anchor learns which object.
        coder: Of the boxes; the same as the detector's.
        weights: Factor of each term in `total`, keyed by the names in `TERMS`; all 1 by default.
        samples: Number for each image by which the sums are divided in place of the matched anchors; None = by these.

    Attributes:
        samples: See above.

    Raises:
        ValueError: A weight is unknown or missing, the localization loss names no known space, or `samples` is below 1.

    Source: Section 3.4.1, and section 4 for focal loss. The normalizer is that of the framework which section 4's
    settings quote: matched anchors of the whole batch.
    """

    def __init__(
        self,
        classification: nn.Module,
        localization: nn.Module,
        matcher: Matcher,
        coder: Coder,
        weights: Mapping[str, float] | None = None,
        samples: int | None = None,
    ) -> None:
        super().__init__()
        if samples is not None and samples < 1:
            raise ValueError(f"Expected samples of the criterion of at least 1, but got {samples}.")
        weights = dict.fromkeys(TERMS, 1.0) if weights is None else dict(weights)
        _check_weights(weights)
        self.classification = classification
        self.localization = localization
        self.space: Space = space_of(localization)
        self.weights = weights
        self.matcher = matcher
        self.coder = coder
        self.samples = samples

    def forward(self, raw: RawOutputs, boxes: Float[Tensor, "B M 4"], labels: Int[Tensor, "B M"]) -> Losses:
        """Compute the losses of a batch; finite without any object, localization then 0.

        In a distributed training step the terms are divided by what `shared_count` says of all ranks together.

        Args:
            raw: The detector's raw outputs.
            boxes: Ground truths, xyxy, pixels of the network's input, padded; M = 0 is allowed.
            labels: Class index from 0, −1 where padded, −2 where the object is to be ignored.

        Returns:
            The terms, keyed by `TERMS`, the number of matched anchors, and what divides the terms.
        """
        with torch.autocast(raw.logits.device.type, enabled=False):
            matches = self.matcher(raw.anchors, boxes, labels, raw.cells)
            matched = (matches >= 0).sum()
            divisor = matched if self.samples is None else torch.full_like(matched, self.samples * len(boxes))
            normalizer = shared_count(divisor, among_ranks=self.training)
            learned = _matched_labels(labels, matches)
            raw = raw._replace(offsets=_offsets_of_class(raw.offsets, learned))
            localization = self._localization(raw, boxes, matches)
            classification = self.classification(at_least_float32(raw.logits), learned)
            terms = {
                "classification": classification.sum() / normalizer,
                "localization": localization.sum() / normalizer,
            }
            return Losses(terms, matched, divisor)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum of the terms that `forward` returned: what training minimizes."""
        return torch.stack([self.weights[name] * terms[name] for name in TERMS]).sum()

    def _localization(
        self, raw: RawOutputs, boxes: Float[Tensor, "B M 4"], matches: Int64[Tensor, "B A"]
    ) -> Float[Tensor, "B A"]:
        """Localization loss of each anchor, 0 where unmatched."""
        return matched_error(
            self.localization, self.space, self.coder, raw.offsets, raw.anchors, raw.cells, boxes, matches
        )


def _matched_labels(labels: Int[Tensor, "B M"], matches: Int64[Tensor, "B A"]) -> Int[Tensor, "B A"]:
    """Class of each anchor, −1 for background, −2 where it is not learned from."""
    taken = nn.functional.pad(labels, (2, 0)).gather(1, matches + 2)
    return torch.where(matches >= 0, taken, matches.to(labels.dtype))


def _offsets_of_class(offsets: Tensor, labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A 4"]:
    """Of offsets (B, A, C, 4) those of each anchor's class, of any class where it has none; others as they are."""
    if offsets.ndim == 3:
        return offsets
    return offsets.gather(2, labels.clamp(min=0).long()[..., None, None].expand(-1, -1, 1, 4))[:, :, 0]


def _check_weights(weights: Mapping[str, float]) -> None:
    if set(weights) != set(TERMS):
        raise ValueError(f"Expected weights with exactly the keys {list(TERMS)}, but got {list(weights)}.")
