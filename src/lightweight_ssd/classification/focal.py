"""Focal loss on independent sigmoids: easy background anchors, thousands per image, hardly count."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["FocalLoss"]


class FocalLoss(nn.Module):
    """Sigmoid focal loss, summed over the classes.

        FL = −α_t · (1 − p_t)^γ · ln p_t

    with p_t = σ(x), α_t = α for the anchor's class and p_t = 1 − σ(x), α_t = 1 − α for every other class.

    Args:
        alpha: Weight of the anchor's class against the others, 0 to 1.
        gamma: How fast well-classified examples lose weight, at least 0; at 0 it is weighted cross-entropy.

    Raises:
        ValueError: A parameter is out of its range.

    Source: Section 4 (Lin et al., 2017), α = 0.25, γ = 2.0.
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"Expected alpha from 0 to 1, but got {alpha}.")
        if gamma < 0:
            raise ValueError(f"Expected gamma to be at least 0, but got {gamma}.")
        self.alpha = alpha
        self.gamma = gamma

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32.

        Args:
            logits: Class logits.
            target_labels: Class index from 0 to C − 1; −1 is background, for which every class is wrong; −2 costs
                nothing.
        """
        is_target = target_labels[..., None] == torch.arange(logits.shape[-1], device=logits.device)
        # Signed so that p_t = σ(margin) for targets and others alike, which saves a second one-hot tensor.
        margin = torch.where(is_target, logits, -logits)
        log_p = functional.logsigmoid(margin)
        # ln(1 − σ(x)) = ln σ(x) − x. A power of the probability itself has no gradient at 0 for γ below 1.
        focus = (self.gamma * (log_p - margin)).exp()
        alpha = torch.where(is_target, self.alpha, 1 - self.alpha)
        return torch.where(target_labels == OTHER_CLASS, 0.0, -(alpha * focus * log_p).sum(dim=-1))
