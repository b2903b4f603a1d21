"""Plain cross-entropy on independent sigmoids: every class of an anchor is right or wrong."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["SigmoidLoss"]


class SigmoidLoss(nn.Module):
    """Binary cross-entropy, summed over the classes.

    For detectors that learn classes only where there is an object. Of all anchors of an SSD, nearly all of them
    background, it makes one that finds nothing; `focal` and `hard_negative` are for those.

    Source: Redmon and Farhadi, YOLOv3 (2018), section 2.2.
    """

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32.

        Args:
            logits: Class logits.
            target_labels: Class index from 0 to C − 1; −1 is background, for which every class is wrong; −2 costs
                nothing.
        """
        is_target = target_labels[..., None] == torch.arange(logits.shape[-1], device=logits.device)
        loss = functional.binary_cross_entropy_with_logits(logits, is_target.to(logits.dtype), reduction="none")
        return torch.where(target_labels == OTHER_CLASS, 0.0, loss.sum(dim=-1))
