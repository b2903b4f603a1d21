"""Matching by overlap: an anchor learns the object that it overlaps enough, and each object has its best anchor."""

from jaxtyping import Float, Int, Int64
from torch import Tensor

from lightweight_ssd.ops.matching import match

__all__ = ["IoUMatcher"]


class IoUMatcher:
    """SSD's rule, see `ops.matching.match`; cells do not matter to it.

    Args:
        threshold: Least IoU at which an anchor takes an object, above 0, at most 1.
        background_below: IoU with every object below which an anchor is background, from 0 to `threshold`; between the
            two it learns nothing. None = what takes no object is background.
        keep_best_above: An object keeps the anchor of its highest IoU, even below the threshold, if that IoU is above
            this, from 0 to 1. None = it does not.

    Raises:
        ValueError: A setting is out of range.

    Source: Reading of section 4: IoU ≥ 0.5 and always the best anchor.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        background_below: float | None = None,
        keep_best_above: float | None = 0.0,
    ) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"Expected threshold of the matcher above 0 and at most 1, but got {threshold}.")
        if background_below is not None and not 0 <= background_below <= threshold:
            raise ValueError(
                f"Expected background_below of the matcher from 0 to its threshold {threshold}, but got "
                f"{background_below}."
            )
        if keep_best_above is not None and not 0 <= keep_best_above <= 1:
            raise ValueError(f"Expected keep_best_above of the matcher from 0 to 1, but got {keep_best_above}.")
        self.threshold = threshold
        self.background_below = background_below
        self.keep_best_above = keep_best_above

    def __call__(
        self,
        anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        cells: Float[Tensor, "A 2"] | Float[Tensor, "B A 2"] | None = None,
    ) -> Int64[Tensor, "B A"]:
        """The object of each anchor; −1 for background, −2 where there is nothing to learn."""
        return match(anchors, boxes, labels, self.threshold, self.background_below, self.keep_best_above)
