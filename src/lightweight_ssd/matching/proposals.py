"""Matching for a second stage: a proposal learns the object that it overlaps enough, and empty ones learn nothing."""

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from lightweight_ssd.ops.boxes import area
from lightweight_ssd.ops.matching import match
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["ProposalMatcher"]


class ProposalMatcher:
    """A threshold alone: no object keeps its best proposal, and a box without area, which is padding, learns nothing.

    Args:
        threshold: Least IoU at which a proposal takes an object, above 0, at most 1.

    Raises:
        ValueError: The threshold is out of range.

    Source: Girshick, "Fast R-CNN", 2015, section 2.3; background is all below the threshold there, too, without its
    lower limit of 0.1, which later versions have left out.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"Expected threshold of the matcher above 0 and at most 1, but got {threshold}.")
        self.threshold = threshold

    def __call__(
        self,
        anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        cells: Float[Tensor, "A 2"] | Float[Tensor, "B A 2"] | None = None,
    ) -> Int64[Tensor, "B A"]:
        """The object of each proposal; −1 for background, −2 where there is nothing to learn."""
        matches = match(anchors, boxes, labels, self.threshold, keep_best_above=None)
        return torch.where(area(anchors) > 0, matches, OTHER_CLASS)
