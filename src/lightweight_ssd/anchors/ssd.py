"""Anchors: the boxes at fixed places, scales and shapes against which the network says where objects are."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor

from lightweight_ssd.ops.cell_grid import boxes_on_cells, sizes_of_cells
from lightweight_ssd.tensor_types import Anchors

__all__ = ["SSDAnchors"]


class SSDAnchors:
    """Anchors whose scale grows evenly over the levels.

    Level k of n has the scale `s_k = min + (max − min)·k / (n − 1)` and, in every cell, one anchor per aspect
    ratio r, `s_k·√r` wide and `s_k / √r` high in units of the shorter side of the image, then a square of the scale
    `√(s_k·s_{k+1})`. The finest level has a short list of its own, since it has most of the cells.

    Anchors are not clipped to the image.

    With a `first_scale` the finest level stands apart, and the scales of the others grow evenly: so SSD300 has squares
    of 30, then 60, 111, 162, 213 and 264 pixels, 315 after the last, and SSD512 and Pelee the same in other numbers.

    Source: the SSD defaults of the framework that section 4 quotes; the paper itself prints no anchors. `first_scale`
    and `end_ratios`: Liu et al., "SSD", 2016, section 2.2, and the values of its code. As in that paper, centers are
    those of the cells, image / map size; the code takes them from a list of steps (8, 16, 32, 64, 100, 300 pixels),
    which puts the last ones of the 10² map 19 pixels and of the 5² map 18 pixels further out.
    """

    def __init__(
        self,
        min_scale: float = 0.2,
        max_scale: float = 0.95,
        aspect_ratios: Sequence[float] = (1.0, 2.0, 1 / 2, 3.0, 1 / 3),
        lowest: Sequence[Sequence[float]] | None = ((0.1, 1.0), (0.2, 2.0), (0.2, 0.5)),
        scale_after_last: float | None = 1.0,
        levels: Sequence[Sequence[Sequence[float]]] | None = None,
        first_scale: float | None = None,
        end_ratios: Sequence[float] | None = None,
    ) -> None:
        """Keep the settings.

        Args:
            min_scale: Scale of the finest level, or of the second where the first has its own, of the shorter side of
                the image.
            max_scale: Scale of the coarsest level.
            aspect_ratios: Width over height.
            lowest: (scale, aspect ratio) of the anchors of the finest level in place of the rule's; none: the rule's.
            scale_after_last: What stands for the scale after the coarsest level's in the square of the geometric
                mean; none: no level has that square.
            levels: (scale, aspect ratio) of every anchor of a cell, a list per level, in place of all of the above;
                none: the rule.
            first_scale: Scale of the finest level, apart from the even ones; none: `min_scale`.
            end_ratios: Width over height on the finest and on the two coarsest levels; none: `aspect_ratios`.

        Raises:
            ValueError: For a scale or a ratio that is not positive, or for no anchors.
        """
        pairs = [*(lowest or ()), *(pair for level in levels or () for pair in level)]
        scales = [each for each in (min_scale, max_scale, first_scale, scale_after_last) if each is not None]
        values = [*scales, *aspect_ratios, *(end_ratios or ()), *(value for pair in pairs for value in pair)]
        if min(values) <= 0:
            raise ValueError(f"Expected positive scales and aspect ratios of the anchors but got {values}.")
        lists = [aspect_ratios, *(each for each in (lowest, end_ratios) if each is not None), *(levels or ())]
        if not all(lists):
            raise ValueError(
                "Expected at least one anchor per cell but got an empty list of aspect ratios, lowest or levels."
            )
        self.min_scale, self.max_scale = min_scale, max_scale
        self.aspect_ratios = tuple(aspect_ratios)
        self.lowest = None if lowest is None else tuple((scale, ratio) for scale, ratio in lowest)
        self.scale_after_last = scale_after_last
        self.first_scale = first_scale
        self.end_ratios = self.aspect_ratios if end_ratios is None else tuple(end_ratios)
        self.levels = None if levels is None else [[(pair[0], pair[1]) for pair in level] for level in levels]

    def shapes(self, num_levels: int) -> list[list[tuple[float, float]]]:
        """(scale, aspect ratio) of every anchor of a cell, per level.

        Raises:
            ValueError: For fewer than one level, or another number than `levels` has.

        Example:
            >>> SSDAnchors(aspect_ratios=(1.0,), scale_after_last=None).shapes(2)
            [[(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)], [(0.95, 1.0)]]
        """
        if num_levels < 1:
            raise ValueError(f"Expected one level or more for the anchors but got {num_levels}.")
        if self.levels is not None:
            return self._given(num_levels)
        scales = self._scales(num_levels)
        levels = [[(scale, ratio) for ratio in self._ratios(k, num_levels)] for k, scale in enumerate(scales)]
        if self.scale_after_last is not None:
            for level, scale, after in zip(levels, scales, [*scales[1:], self.scale_after_last], strict=True):
                level.append((math.sqrt(scale * after), 1.0))
        return levels if self.lowest is None else [list(self.lowest), *levels[1:]]

    def _scales(self, num_levels: int) -> list[float]:
        """One per level by the rule, without the one after the last."""
        first = [] if self.first_scale is None else [self.first_scale]
        step = (self.max_scale - self.min_scale) / max(num_levels - len(first) - 1, 1)
        return [*first, *(self.min_scale + step * level for level in range(num_levels - len(first)))]

    def _ratios(self, level: int, num_levels: int) -> tuple[float, ...]:
        return self.end_ratios if level == 0 or level >= num_levels - 2 else self.aspect_ratios

    def _given(self, num_levels: int) -> list[list[tuple[float, float]]]:
        given = self.levels or []
        if len(given) != num_levels:
            raise ValueError(
                f"Expected detector.anchors.levels with {num_levels} lists, one per level of the detector, but got "
                f"{len(given)}; give anchors=auto to fit them to the training boxes."
            )
        return [list(level) for level in given]

    def per_cell(self, num_levels: int) -> list[int]:
        """Anchors in a cell of each level.

        Example:
            >>> SSDAnchors().per_cell(5)
            [3, 6, 6, 6, 6]
        """
        return [len(level) for level in self.shapes(num_levels)]

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
            >>> SSDAnchors(lowest=[(0.5, 1.0)])([(1, 2)], (100, 200)).boxes
            tensor([[ 25.,  25.,  75.,  75.],
                    [125.,  25., 175.,  75.]])
        """
        device = device or torch.device("cpu")
        shorter: Any = torch.sym_min(*image_size)  # of an exporter it may be a symbol
        shapes = list(zip(self.shapes(len(sizes)), sizes, strict=True))
        boxes = [boxes_on_cells(_sides(level, device) * shorter, size, image_size) for level, size in shapes]
        cells = [sizes_of_cells(len(level), size, image_size, device) for level, size in shapes]
        return Anchors(torch.cat(boxes), torch.cat(cells))


def _sides(shapes: list[tuple[float, float]], device: torch.device) -> Float32[Tensor, "K 2"]:
    """(width, height) of each shape in units of the shorter side of the image."""
    sides = [(scale * math.sqrt(ratio), scale / math.sqrt(ratio)) for scale, ratio in shapes]
    return torch.tensor(sides, dtype=torch.float32, device=device)
