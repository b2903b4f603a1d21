"""Horizontal flip, under the name and with the default of this project's recipes."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A

__all__ = ["HorizontalFlip"]


class HorizontalFlip(A.HorizontalFlip):
    """Mirrors image and boxes left to right.

    Args:
        p: Probability, 0 to 1.

    Raises:
        ValueError: If `p` is not a probability.

    Source: the framework whose defaults section 4 of the paper quotes flips with probability 0.5.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Expected augment.steps.flip.p between 0 and 1, but got {p}.")
        super().__init__(p=p)
