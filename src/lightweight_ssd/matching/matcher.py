"""What a rule of matching has, for the criteria that are given one."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int, Int64
from torch import Tensor

__all__ = ["Matcher"]


@runtime_checkable
class Matcher(Protocol):
    """Anchors and objects to pairs, for a whole batch at once and without waiting for the device."""

    def __call__(
        self,
        anchors: Float[Tensor, "A 4"] | Float[Tensor, "B A 4"],
        boxes: Float[Tensor, "B M 4"],
        labels: Int[Tensor, "B M"],
        cells: Float[Tensor, "A 2"] | Float[Tensor, "B A 2"] | None = None,
    ) -> Int64[Tensor, "B A"]:
        """The object of each anchor.

        Args:
            anchors: xyxy, pixels of the network's input; the same for all images, or each image's own.
            boxes: Objects, xyxy, pixels of the network's input, padded to M; M = 0 is allowed.
            labels: Class index from 0; −1 marks padding, −2 (`OTHER_CLASS`) objects to be ignored.
            cells: (width, height) of the cell of each anchor, pixels; None for rules that do not count in cells.

        Returns:
            Index into the M objects of each anchor's image, −1 for background, −2 where there is nothing to learn.
        """
        ...
