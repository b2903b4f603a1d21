"""Cross-entropy with hard negative mining: of the thousands of background anchors only the worst few count."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.hard_negatives import check_mining, mined
from lightweight_ssd.ops.precision import full_precision

__all__ = ["HardNegativeLoss"]


class HardNegativeLoss(nn.Module):
    """Sigmoid cross-entropy, summed over the classes, of the matched anchors and of each image's hardest others.

    Of an image with P matched anchors, the `max(⌊ratio · P⌋, min_negatives)` background anchors of the largest loss
    count; every other background anchor costs nothing. Of equal losses the anchor that comes first counts.

    Args:
        ratio: Background anchors per matched one, at least 0.
        min_negatives: Least number of background anchors of an image, at least 0. At 0 nothing is learned from an image
            without objects.

    Raises:
        ValueError: A parameter is out of its range.

    Source: Liu et al., "SSD", 2016, section 2.2: 3 to 1. Deviations: sigmoids without a background class in place of
    a softmax with one, so that the head is the same as for focal loss; and a least number of background anchors, 3 by
    default, so that an image without objects weighs as one with one match.
    """

    def __init__(self, ratio: float = 3.0, min_negatives: int = 3) -> None:
        super().__init__()
        check_mining(ratio, min_negatives)
        self.ratio = ratio
        self.min_negatives = min_negatives

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32, 0 for the background anchors that do not count.

        Args:
            logits: Class logits.
            target_labels: Class index from 0 to C − 1; −1 is background, for which every class is wrong; −2 costs
                nothing, and is not among the hardest.
        """
        is_target = target_labels[..., None] == torch.arange(logits.shape[-1], device=logits.device)
        loss = functional.binary_cross_entropy_with_logits(logits, is_target.to(logits.dtype), reduction="none")
        loss = loss.sum(dim=-1)
        return torch.where(mined(loss, target_labels, self.ratio, self.min_negatives), loss, 0.0)
