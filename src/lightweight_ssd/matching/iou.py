"""Matching by overlap: an anchor learns the object that it overlaps enough, and each object has its best anchor."""

from jaxtyping import Float, Int, Int64
from torch import Tensor

from lightweight_ssd.ops.matching import match

__all__ = ["IoUMatcher"]


class IoUMatcher:
    """SSD's rule, see `ops.matching.match`; cells do not matter to it.

    Args:
        threshold: Least IoU at which an anchor takes an object, above 0, at most 1.

    Raises:
        ValueError: The threshold is out of range.

    Source: Reading of section 4: IoU ≥ 0.5 and always the best anchor.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"Expected threshold of the matcher above 0 and at most 1, but got {threshold}.")
        self.threshold = threshold

    def __call__(
        self,
        anchors: Float[Tensor, "A 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        cells: Float[Tensor, "A 2"] | None = None,
    ) -> Int64[Tensor, "B A"]:
        """The object of each anchor; −1 for background, −2 where there is nothing to learn."""
        return match(anchors, boxes, labels, self.threshold)
