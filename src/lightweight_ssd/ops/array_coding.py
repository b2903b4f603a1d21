"""The decoding of a network's raw outputs in NumPy, for runtimes; `ops/box_coding` has the formulas, on tensors."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float32

__all__ = ["MAX_LOG_SIZE", "decode_array", "sigmoid"]

MAX_LOG_SIZE: Final = math.log(1000 / 16)
"""A decoded side is at most 62.5 times its anchor's: wild offsets must not overflow the exponential."""

_LEAST_SIDE = np.float32(1e-7)  # of an anchor, as `ops/boxes` has it


def decode_array(
    offsets: Float32[np.ndarray, "*B A 4"], anchors: Float32[np.ndarray, "A 4"], variances: Sequence[float]
) -> Float32[np.ndarray, "*B A 4"]:
    """Boxes xyxy in pixels from offsets against anchors; see `ops/box_coding.decode`.

    Args:
        offsets: (t_x, t_y, t_w, t_h); zeros give the anchor itself.
        anchors: xyxy, pixels.
        variances: Factors of the four offsets.

    Example:
        >>> anchors = np.array([[0, 0, 10, 20]], np.float32)
        >>> decode_array(np.array([[1, 0.5, 0, 0]], np.float32), anchors, (0.1, 0.1, 0.2, 0.2)).tolist()
        [[1.0, 1.0, 11.0, 21.0]]
    """
    factors = np.array(variances, np.float32)
    center = (anchors[:, :2] + anchors[:, 2:]) / 2
    size = np.maximum(anchors[:, 2:] - anchors[:, :2], _LEAST_SIDE)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is no detection
        middle = center + offsets[..., :2] * factors[:2] * size
        half = size * np.exp(np.minimum(offsets[..., 2:] * factors[2:], np.float32(MAX_LOG_SIZE))) / 2
        return np.concatenate([middle - half, middle + half], axis=-1)


def sigmoid(logits: Float32[np.ndarray, "*N"]) -> Float32[np.ndarray, "*N"]:
    """Scores from logits, 0 to 1.

    Example:
        >>> sigmoid(np.array([0.0, -200.0, 200.0], np.float32)).tolist()
        [0.5, 0.0, 1.0]
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-logits))
