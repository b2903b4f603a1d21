"""Softmax cross-entropy with hard negative mining, the classification loss of SSD: the background is a class, too."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lightweight_ssd.ops.hard_negatives import check_mining, mined
from lightweight_ssd.ops.precision import full_precision

__all__ = ["SoftmaxHardNegativeLoss"]


class SoftmaxHardNegativeLoss(nn.Module):
    """Cross-entropy over background and classes, of the matched anchors and of each image's hardest others.

    Of an image with P matched anchors, the `max(⌊ratio · P⌋, min_negatives)` background anchors to which the background
    is least likely count; every other background anchor costs nothing. Of equal losses the anchor that comes first
    counts.

    Args:
        ratio: Background anchors per matched one, at least 0.
        min_negatives: Least number of background anchors of an image, at least 0. At 0 nothing is learned from an image
            without objects.

    Raises:
        ValueError: A parameter is out of its range.

    Source: Liu et al., "SSD", 2016, section 2.2: 3 to 1. None with an IoU of 0.5 or more is background: the matcher
    gives every such anchor an object.
    """

    def __init__(self, ratio: float = 3.0, min_negatives: int = 0) -> None:
        super().__init__()
        check_mining(ratio, min_negatives)
        self.ratio = ratio
        self.min_negatives = min_negatives

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C1"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32, 0 for the background anchors that do not count.

        Args:
            logits: Of the background, then of the C classes.
            target_labels: Class index from 0 to C − 1; −1 is background; −2 costs nothing, and is not among the
                hardest.
        """
        output = (target_labels + 1).clamp(min=0).long()  # of an anchor that costs nothing, any will do
        loss = -logits.log_softmax(dim=-1).gather(-1, output[..., None]).squeeze(-1)
        return torch.where(mined(loss, target_labels, self.ratio, self.min_negatives), loss, 0.0)
