"""The criterion of two stages: that of a single shot, once for the proposals and once for what each of them holds."""

from collections.abc import Mapping
from typing import Any, Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lightweight_ssd.ops.boxes import area
from lightweight_ssd.tensor_types import Losses, TwoStageOutputs

__all__ = ["TERMS", "TwoStageCriterion"]

TERMS: Final = ("proposal_classification", "proposal_localization", "classification", "localization")
"""Names of the terms, which are also the keys of the weights."""


class TwoStageCriterion(nn.Module):
    """Both stages' terms; those of the first, whose one class is "object", begin with `proposal_`.

    Each stage's sums are divided by the number of anchors or proposals that are drawn of an image, and by the images.
    In evaluation, where the second stage looks at all proposals, its sums are divided by their number.

    Args:
        proposals: Criterion of the first stage, such as `SSDCriterion` with `samples`.
        detections: Criterion of the second.
        weights: Factor of each term in `total`, keyed by the names in `TERMS`; all 1 by default.

    Raises:
        ValueError: A weight is unknown or missing, or a criterion divides by its matches, of which two stages have
            different numbers.

    Source: Ren et al., "Faster R-CNN", 2015, equation 1, trained together (section 3.2). Deviation: the divisor is the
    number that should be drawn; where an image has less to draw from, as a small one has, the original divides by less.
    The divisor of evaluation is this project's own: both losses are then means over proposals, whatever their number.
    """

    def __init__(self, proposals: nn.Module, detections: nn.Module, weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        weights = dict.fromkeys(TERMS, 1.0) if weights is None else dict(weights)
        if set(weights) != set(TERMS):
            raise ValueError(f"Expected weights with exactly the keys {list(TERMS)}, but got {list(weights)}.")
        for name, stage in (("proposals", proposals), ("detections", detections)):
            if getattr(stage, "samples", None) is None:
                raise ValueError(f"Expected criterion.{name}.samples as a number, but got null; give 256, say.")
        self.proposals: Any = proposals
        self.detections: Any = detections
        self.weights = weights

    def forward(self, raw: TwoStageOutputs, boxes: Float[Tensor, "B M 4"], labels: Int[Tensor, "B M"]) -> Losses:
        """Compute the losses of a batch; finite without any object.

        Args:
            raw: The detector's raw outputs.
            boxes: Ground truths, xyxy, pixels of the network's input, padded; M = 0 is allowed.
            labels: Class index from 0, −1 where padded, −2 where the object is to be ignored.

        Returns:
            The terms, keyed by `TERMS`, the number of proposals that learn an object, and a divisor: in training
            proportional to the images, in evaluation the number of proposals of the batch.
        """
        first = self.proposals(raw.first, boxes, labels.clamp(max=0))  # every class is its one class, "object"
        second = self.detections(raw.second, boxes, labels)
        if not self.training:
            second = _mean(second, raw.second.anchors)
        terms = {f"proposal_{name}": term for name, term in first.terms.items()}
        return Losses({**terms, **second.terms}, second.matched, second.divisor)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum of the terms that `forward` returned: what training minimizes."""
        return torch.stack([self.weights[name] * terms[name] for name in TERMS]).sum()


def _mean(losses: Losses, proposals: Float[Tensor, "B R 4"]) -> Losses:
    """The same divided by the proposals that there are, at least 1; those without area are padding."""
    count = (area(proposals) > 0).sum().clamp(min=1)
    terms = {name: term * losses.divisor / count for name, term in losses.terms.items()}
    return losses._replace(terms=terms, divisor=count)
