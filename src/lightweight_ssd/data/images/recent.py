"""The last decoded images of one loader worker, so that a Mosaic need not decode its partners again."""

from collections import OrderedDict

import numpy as np
from jaxtyping import UInt8

__all__ = ["RecentImages"]


class RecentImages:
    """Keeps images by number, the newest so many and no more bytes than given; the oldest goes first.

    A worker's memory therefore does not grow with the data set. Pickled for a spawned worker it is empty.

    Args:
        most: Images that are kept, at least 1.
        most_bytes: Memory for all of them; an image that alone needs more is not kept.

    Example:
        >>> recent = RecentImages(most=2, most_bytes=100)
        >>> for number in range(3):
        ...     recent.keep(number, np.full((1, 1, 3), number, np.uint8))
        >>> [recent.get(number) is not None for number in range(3)]
        [False, True, True]
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self._images: OrderedDict[int, np.ndarray] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._images)

    def get(self, number: int) -> UInt8[np.ndarray, "H W 3"] | None:
        """The image of this number, read-only; None if it is not kept."""
        return self._images.get(number)

    def keep(self, number: int, image: UInt8[np.ndarray, "H W 3"]) -> None:
        """Keeps an image, which nobody may write to from now on, and lets the oldest go."""
        if image.nbytes > self.most_bytes or number in self._images:
            return
        image.flags.writeable = False
        self._images[number] = image
        self._bytes += image.nbytes
        while len(self._images) > self.most or self._bytes > self.most_bytes:
            _, oldest = self._images.popitem(last=False)
            self._bytes -= oldest.nbytes

    def __reduce__(self) -> tuple[type["RecentImages"], tuple[int, int]]:
        return RecentImages, (self.most, self.most_bytes)
