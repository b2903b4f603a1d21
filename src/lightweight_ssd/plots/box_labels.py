"""Places for the labels of boxes, so that labels of boxes that overlap do not hide one another."""

import numpy as np
from jaxtyping import Float

__all__ = ["place_labels"]


def place_labels(
    boxes: Float[np.ndarray, "N 4"],
    sizes: Float[np.ndarray, "N 2"],
    width: int | float,
    height: int | float,
    inside: bool = False,
) -> Float[np.ndarray, "N 2"]:
    """Chooses for each label, one after another, the place at its box that covers the least of the labels before it.

    Args:
        boxes: xyxy; the first ones get the better places.
        sizes: Width and height of each label, in the unit of the boxes.
        width: Of the image; no label leaves it where it fits.
        height: Of the image.
        inside: Whether a label is preferably inside its box, not above it.

    Returns:
        Left and top of each label.

    Example:
        >>> box = np.array([10.0, 20.0, 60.0, 90.0])
        >>> place_labels(np.stack([box, box]), np.full((2, 2), 8.0), 100, 100)
        array([[10., 12.],
               [10., 20.]])
    """
    taken = np.zeros((0, 4))
    for box, size in zip(boxes, sizes, strict=True):
        best, cost = _best(_candidates(box, size, inside), size, width, height, taken)
        if cost > 0:  # a little farther from the box, where that is better
            farther, other = _best(_farther(box, size), size, width, height, taken)
            best = farther if other < cost else best
        taken = np.concatenate([taken, best[None]])
    return np.maximum(taken[:, :2], 0)


def _best(
    corners: Float[np.ndarray, "K 2"],
    size: Float[np.ndarray, " 2"],
    width: int | float,
    height: int | float,
    taken: Float[np.ndarray, "M 4"],
) -> tuple[Float[np.ndarray, " 4"], float]:
    """The first of the places that cover least, as xyxy, and the area that it covers."""
    corners[:, 0] = np.clip(corners[:, 0], 0, max(0.0, width - size[0]))
    beyond = (corners[:, 1] < 0) | (corners[:, 1] + size[1] > height)
    labels = np.concatenate([corners, corners + size], axis=1)
    cost = _covered(labels, taken) + beyond * 1e9
    at = int(np.argmin(cost))
    return labels[at], float(cost[at])


def _farther(box: Float[np.ndarray, " 4"], size: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "K 2"]:
    """Beside the box and over its middle, then a label's height farther above and below it."""
    middle, center = (box[0] + box[2] - size[0]) / 2, (box[1] + box[3] - size[1]) / 2
    beside = [(column, row) for column in (box[2], box[0] - size[0]) for row in (center, box[1], box[3] - size[1])]
    over = [(middle, row) for row in (box[1] - size[1], box[3], box[1], box[3] - size[1])]
    rows = (box[1] - 2 * size[1], box[3] + size[1])
    columns = (box[0], box[2] - size[0], middle, box[2], box[0] - size[0])
    return np.array([*over, *beside, *((column, row) for row in rows for column in columns)], np.float64)


def _candidates(box: Float[np.ndarray, " 4"], size: Float[np.ndarray, " 2"], inside: bool) -> Float[np.ndarray, "8 2"]:
    """Above, inside at the top, below, inside at the bottom; first at the left edge of the box, then at the right."""
    rows = [box[1] - size[1], box[1], box[3], box[3] - size[1]]
    rows = [rows[1], rows[0], rows[3], rows[2]] if inside else rows
    return np.array([(column, row) for column in (box[0], box[2] - size[0]) for row in rows], np.float64)


def _covered(labels: Float[np.ndarray, "K 4"], taken: Float[np.ndarray, "M 4"]) -> Float[np.ndarray, " K"]:
    """Area of each label that lies on labels that have their place already."""
    low = np.maximum(labels[:, None, :2], taken[None, :, :2])
    high = np.minimum(labels[:, None, 2:], taken[None, :, 2:])
    return np.maximum(high - low, 0).prod(2).sum(1)
