"""What a rule of anchors has, for the detectors that are given one."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch

from lightweight_ssd.tensor_types import Anchors

__all__ = ["AnchorGenerator"]


@runtime_checkable
class AnchorGenerator(Protocol):
    """Sizes of feature maps to anchors."""

    def per_cell(self, num_levels: int) -> list[int]:
        """Anchors in a cell of each level.

        Raises:
            ValueError: There are no anchors for so many levels.
        """
        ...

    def __call__(
        self, sizes: Sequence[tuple[int, int]], image_size: tuple[int, int], device: torch.device | None = None
    ) -> Anchors:
        """The anchors of every level, in the order of the head: level, row, column, anchor of the cell.

        Args:
            sizes: (rows, columns) of each level, finest first.
            image_size: (H, W) of the network's input, pixels.
            device: Where the anchors are made; the CPU if none.
        """
        ...
