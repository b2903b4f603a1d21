"""Hard negative mining: of the thousands of background anchors of an image only the worst few count."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lightweight_ssd.types import OTHER_CLASS

__all__ = ["check_mining", "mined"]


def mined(
    loss: Float[Tensor, "B A"], target_labels: Int[Tensor, "B A"], ratio: float, min_negatives: int
) -> Bool[Tensor, "B A"]:
    """The anchors that count: all matched ones and, of an image with P of them, its hardest background anchors.

    Those are the `max(⌊ratio · P⌋, min_negatives)` of the largest loss, by their rank: a threshold on the loss would
    let ties through. Of equal losses the anchor that comes first counts.

    Args:
        loss: Of each anchor.
        target_labels: Class index; −1 is background, −2 (`OTHER_CLASS`) an anchor that never counts.
        ratio: Background anchors per matched one.
        min_negatives: Least number of background anchors of an image.

    Example:
        >>> mined(torch.tensor([[0.1, 0.3, 0.2, 0.9]]), torch.tensor([[4, -1, -1, -2]]), 1.0, 0).tolist()
        [[True, True, False, False]]
    """
    matched, ignored = target_labels >= 0, target_labels == OTHER_CLASS
    wanted = (matched.sum(dim=1, keepdim=True) * ratio).floor().clamp(min=min_negatives)
    order = loss.detach().masked_fill(matched | ignored, -torch.inf).argsort(dim=1, descending=True, stable=True)
    return matched | ((order.argsort(dim=1) < wanted) & ~ignored)


def check_mining(ratio: float, min_negatives: int) -> None:
    """Refuse settings of `mined` that are out of range.

    Raises:
        ValueError: One of them is negative.
    """
    if ratio < 0:
        raise ValueError(f"Expected ratio to be at least 0, but got {ratio}.")
    if min_negatives < 0:
        raise ValueError(f"Expected min_negatives to be at least 0, but got {min_negatives}.")
