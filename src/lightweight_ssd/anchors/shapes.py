"""Anchors of given shapes: widths and heights in pixels, a list per level."""

from collections.abc import Sequence

import torch

from lightweight_ssd.ops.cell_grid import boxes_on_cells, sizes_of_cells
from lightweight_ssd.tensor_types import Anchors

__all__ = ["ShapeAnchors"]


class ShapeAnchors:
    """In every cell of a level the same shapes, whose sides are pixels of the network's input at any size of it.

    Source: Redmon and Farhadi, YOLO9000 (2017), section 2: shapes found by k-means among the boxes of a data set.
    """

    def __init__(self, levels: Sequence[Sequence[Sequence[int | float]]], scale: float = 1.0) -> None:
        """Keep the shapes.

        Args:
            levels: (width, height) of every anchor of a cell, pixels, a list per level, finest first.
            scale: Factor on all sides, above 0, such as 300 / 416 for shapes that were found at 416 pixels.

        Raises:
            ValueError: For a side or a scale that is not positive, or a level without shapes.
        """
        shapes = [shape for level in levels for shape in level]
        if not levels or not all(levels) or any(len(shape) != 2 or min(shape) <= 0 for shape in shapes):
            raise ValueError(
                "Expected detector.anchors.levels as one list per level of [width, height] in pixels, above 0, but got "
                f"{levels}."
            )
        if scale <= 0:
            raise ValueError(f"Expected detector.anchors.scale above 0 but got {scale}.")
        self.levels = [[(shape[0], shape[1]) for shape in level] for level in levels]
        self.scale = scale

    def per_cell(self, num_levels: int) -> list[int]:
        """Anchors in a cell of each level.

        Raises:
            ValueError: For another number of levels than there are lists.

        Example:
            >>> ShapeAnchors([[(10, 13), (16, 30)], [(116, 90)]]).per_cell(2)
            [2, 1]
        """
        if num_levels != len(self.levels):
            raise ValueError(
                f"Expected detector.anchors.levels with {_count(num_levels, 'list')} of [width, height], one per level "
                f"of the detector, but got {len(self.levels)}; give shapes for each level, or a backbone and a neck "
                f"with {_count(len(self.levels), 'level')}."
            )
        return [len(level) for level in self.levels]

    def __call__(
        self, sizes: Sequence[tuple[int, int]], image_size: tuple[int, int], device: torch.device | None = None
    ) -> Anchors:
        """Make the anchors of every level, in the order of the head: level, row, column, anchor of the cell.

        Args:
            sizes: (rows, columns) of each level, finest first.
            image_size: (H, W) of the network's input, pixels.
            device: Where the anchors are made; the CPU if none.

        Returns:
            xyxy in pixels of the network's input, and the sizes of their cells.

        Example:
            >>> ShapeAnchors([[(100, 50)]], scale=0.5)([(1, 2)], (100, 200)).boxes
            tensor([[ 25.0000,  37.5000,  75.0000,  62.5000],
                    [125.0000,  37.5000, 175.0000,  62.5000]])
        """
        device, per_cell = device or torch.device("cpu"), self.per_cell(len(sizes))
        sides = [torch.tensor(level, dtype=torch.float32, device=device) * self.scale for level in self.levels]
        return Anchors(
            torch.cat([boxes_on_cells(each, size, image_size) for each, size in zip(sides, sizes, strict=True)]),
            torch.cat([sizes_of_cells(n, size, image_size, device) for n, size in zip(per_cell, sizes, strict=True)]),
        )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
