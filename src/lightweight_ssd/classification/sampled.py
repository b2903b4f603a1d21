"""Cross-entropy of a random sample: of thousands of background anchors as many as make up a number per image."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lightweight_ssd.ops.precision import full_precision
from lightweight_ssd.ops.random_draw import first_of, random_keys

__all__ = ["SampledLoss"]


class SampledLoss(nn.Module):
    """Sigmoid cross-entropy, summed over the classes, of anchors that are drawn at random in each image.

    Of an image's matched anchors at most a share of the number is drawn; background anchors make up the rest. In
    evaluation the draw is always the same.

    Args:
        number: Anchors of an image.
        object_share: At most this share of them are matched ones, 0 to 1.

    Attributes:
        draws: How often was drawn in training: the seed of the next draw, so that a resumed run draws as one that was
            not stopped.

    Raises:
        ValueError: A parameter is out of its range.

    Source: Ren et al., "Faster R-CNN", 2015, section 3.1.3. Deviation: localization, which does not know of the draw,
    learns from every matched anchor.
    """

    draws: Tensor

    def __init__(self, number: int = 256, object_share: float = 0.5) -> None:
        super().__init__()
        if number < 1:
            raise ValueError(f"Expected number to be at least 1, but got {number}.")
        if not 0 <= object_share <= 1:
            raise ValueError(f"Expected object_share from 0 to 1, but got {object_share}.")
        self.number = number
        self.object_share = object_share
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    @full_precision
    def forward(self, logits: Float[Tensor, "B A C"], target_labels: Int[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """Loss of each anchor in at least float32, 0 for those that were not drawn.

        Args:
            logits: Class logits.
            target_labels: Class index from 0 to C − 1; −1 is background, for which every class is wrong; −2 is never
                drawn.
        """
        if self.training:
            self.draws += 1
        keys = random_keys(self.draws if self.training else torch.zeros_like(self.draws), *target_labels.shape)
        objects = first_of(target_labels >= 0, keys, int(self.number * self.object_share))
        background = first_of(target_labels == -1, keys, self.number - objects.sum(dim=1, keepdim=True))
        is_target = target_labels[..., None] == torch.arange(logits.shape[-1], device=logits.device)
        loss = functional.binary_cross_entropy_with_logits(logits, is_target.to(logits.dtype), reduction="none")
        return torch.where(objects | background, loss.sum(dim=-1), 0.0)
