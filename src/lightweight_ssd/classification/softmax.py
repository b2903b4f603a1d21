"""Cross-entropy of a softmax over the classes: exactly one is right, which may be background."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision

__all__ = ["SoftmaxLoss"]


class SoftmaxLoss(nn.Module):
    """The negative logarithm of the softmax at the right class.

        −x_t + ln Σ_c exp(x_c)

    Args:
        background: True = the first logit is that of background, and the classes follow; false = there is none, and
            anchors without an object cost nothing.

    Source: Girshick, "Fast R-CNN", 2015, section 2.3, with background; Redmon and Farhadi, "YOLO9000", 2017, without.
    """

    def __init__(self, background: bool = True) -> None:
        super().__init__()
        self.background = background

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32.

        Args:
            logits: Class logits, of background first where it is a class.
            target_labels: Class index from 0, background not counted; −1 is background, −2 costs nothing.
        """
        target = target_labels + self.background
        log_p = functional.log_softmax(logits, dim=-1)
        taken = log_p.gather(-1, target.clamp(min=0).long()[..., None])[..., 0]
        return torch.where(target >= 0, -taken, 0.0)
