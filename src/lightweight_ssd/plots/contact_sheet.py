"""Many small pictures on one sheet: each image as on disk, and beside it the network's input after augmentation."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightweight_ssd.plots.style import INK, MUTED, new_figure, plain_text

__all__ = ["contact_sheet"]

_PAIRS = 4  # in a row, at most
_SIDE = 2.3  # inches of a picture
_GAP = 0.15  # between pairs
_CAPTION = 0.26


def contact_sheet(
    before: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    after: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    captions: Sequence[tuple[str, str]],
    title: str,
) -> Figure:
    """Pairs of pictures, several in a row; boxes are already drawn on them.

    Args:
        before: RGB, sizes may differ.
        after: RGB, one for each of `before`.
        captions: Above each picture of a pair.
        title: Heading.

    Raises:
        ValueError: If the three differ in length.
    """
    if not len(before) == len(after) == len(captions):
        raise ValueError(
            f"Expected as many pictures after as before, and captions, but got {len(before)}, {len(after)} and "
            f"{len(captions)}: pass one of each per image."
        )
    columns = max(1, min(_PAIRS, math.ceil(math.sqrt(len(before)))))
    heights = [
        _height(before[row : row + columns], after[row : row + columns]) for row in range(0, len(before), columns)
    ]
    figure = new_figure((2 * _SIDE + _GAP) * columns, 0.5 + sum(heights) + _CAPTION * len(heights), title)
    if not before:
        return figure
    widths = [_SIDE, _SIDE, _GAP] * columns
    grid = figure.add_gridspec(len(heights), len(widths), width_ratios=widths, height_ratios=heights)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.04, wspace=0.01)
    for place, (old, new, caption) in enumerate(zip(before, after, captions, strict=True)):
        row, column = divmod(place, columns)
        _show(figure.add_subplot(grid[row, 3 * column]), old, caption[0])
        _show(figure.add_subplot(grid[row, 3 * column + 1]), new, caption[1])
    return figure


def _height(*pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> float:
    """Height of a row in inches: that of its tallest picture, at most the width of a picture."""
    return _SIDE * max(float(np.clip(one.shape[0] / one.shape[1], 0.4, 1.0)) for some in pictures for one in some)


def _show(axes: Axes, image: UInt8[np.ndarray, "_ _ 3"], caption: str) -> None:
    axes.imshow(image, interpolation="lanczos")
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.set_title(plain_text(caption), fontsize=8, color=INK, loc="left", pad=3)
    axes.spines[:].set(color=MUTED, linewidth=0.5)
