"""From boxes and scores to detections in NumPy: what `detector/postprocess` does with tensors, for any runtime.

The arithmetic is that of PyTorch's way, in float32 and in the same order, so that the same boxes and scores give the
same detections: among a thousand candidates at most, torchvision keeps classes apart by shifting their boxes, and the
rounding of the shift decides overlaps that lie a hair from the threshold.
"""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64

from lightweight_ssd.ops.thresholds import Thresholds

__all__ = ["DetectionArrays", "suppress"]

_SHIFTED_UP_TO: Final = 1000  # boxes; torchvision takes class by class above it
_BLOCK: Final = 64  # boxes


class DetectionArrays(NamedTuple):
    """What was found in one image, by falling score.

    Attributes:
        boxes: xyxy, pixels of the network's input.
        scores: 0 to 1.
        labels: Class index, from 0.
    """

    boxes: Float32[np.ndarray, "D 4"]
    scores: Float32[np.ndarray, " D"]
    labels: Int64[np.ndarray, " D"]


def suppress(
    boxes: Float32[np.ndarray, "A 4"],
    scores: Float32[np.ndarray, "A C"],
    image_size: tuple[int, int],
    thresholds: Thresholds,
) -> DetectionArrays:
    """The detections of one image.

    The best (box, class) pairs are the candidates; boxes are clipped to the image; of two boxes of one class that
    overlap too much, the better one stays. Pairs of the same score stand in the order of the boxes, then the classes.

    Args:
        boxes: xyxy, pixels of the network's input; those that are not finite or empty are no detections.
        scores: 0 to 1, of each class; one box may be detected as several.
        image_size: (height, width) of the network's input, pixels.
        thresholds: Settings.

    Example:
        >>> boxes = np.array([[0, 0, 20, 20], [1, 0, 21, 20], [50, 50, 90, 110]], np.float32)
        >>> scores = np.array([[0.9, 0.0], [0.7, 0.0], [0.0, 0.5]], np.float32)
        >>> found = suppress(boxes, scores, (100, 100), Thresholds())
        >>> found.boxes.tolist(), found.labels.tolist()
        ([[0.0, 0.0, 20.0, 20.0], [50.0, 50.0, 90.0, 100.0]], [0, 1])
    """
    pairs = _best(scores.ravel(), thresholds.score_threshold, thresholds.max_candidates)
    anchor, labels = np.divmod(pairs, max(scores.shape[1], 1))
    chosen = boxes[anchor]
    height, width = image_size
    clipped = np.clip(chosen, np.float32(0), np.array([width, height] * 2, np.float32))
    whole = np.isfinite(chosen).all(axis=1) & (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    found = DetectionArrays(clipped[whole], scores.ravel()[pairs[whole]], labels[whole])
    kept = _kept(found.boxes, found.labels, thresholds.iou_threshold, thresholds.max_detections)
    return DetectionArrays(found.boxes[kept], found.scores[kept], found.labels[kept])


def _best(scores: Float32[np.ndarray, " P"], threshold: float, count: int) -> Int64[np.ndarray, " K"]:
    """Indices of the `count` best scores above the threshold, by falling score; of equals, the first ones."""
    chosen = np.flatnonzero(scores > threshold)
    if len(chosen) > count:  # sorting what can be no candidate would cost more than all else
        values = scores[chosen]
        chosen = chosen[values >= np.partition(values, -count)[-count]]
    return chosen[np.argsort(-scores[chosen], kind="stable")][:count]


def _kept(
    boxes: Float32[np.ndarray, "N 4"], labels: Int[np.ndarray, " N"], iou_threshold: float, count: int
) -> Int64[np.ndarray, " K"]:
    """Indices of the best `count` boxes that stay, by falling score; `boxes` are by falling score, too.

    Block by block: a block is compared with what stays of those before it, then within itself. So the work is that of
    the boxes that are looked at times those that stay, and ends once there are enough.
    """
    apart = len(boxes) <= _SHIFTED_UP_TO
    if apart and len(boxes):
        boxes = boxes + (labels.astype(np.float32) * (boxes.max() + np.float32(1)))[:, None]

    def over(rivals: Int64[np.ndarray, " R"], others: Int64[np.ndarray, " O"]) -> Bool[np.ndarray, "R O"]:
        found = _overlap(boxes[rivals], boxes[others], iou_threshold)
        return found if apart else found & (labels[rivals][:, None] == labels[others])

    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(boxes)))
        block = block[~over(kept, block).any(axis=0)]
        kept = np.concatenate([kept, block[_first_of(over(block, block))]])
        if len(kept) >= count:
            break
    return kept[:count]


def _first_of(over: Bool[np.ndarray, "N N"]) -> Bool[np.ndarray, " N"]:
    """Which stay, if each drops those after it that it overlaps, unless it was dropped itself."""
    stays = np.ones(len(over), bool)
    for index in np.flatnonzero(np.triu(over, 1).any(axis=1)):
        if stays[index]:
            stays[index + 1 :] &= ~over[index, index + 1 :]
    return stays


def _overlap(
    first: Float32[np.ndarray, "N 4"], second: Float32[np.ndarray, "M 4"], iou_threshold: float
) -> Bool[np.ndarray, "N M"]:
    """Whether two boxes overlap by more than the threshold; not where neither has an area."""
    x1, y1, x2, y2 = first.T[:, :, None]
    u1, v1, u2, v2 = second.T
    nothing = np.float32(0)
    wide = np.maximum(np.minimum(x2, u2) - np.maximum(x1, u1), nothing)
    intersection = wide * np.maximum(np.minimum(y2, v2) - np.maximum(y1, v1), nothing)
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - intersection
    with np.errstate(invalid="ignore"):  # a shift may have taken a thin box its area
        return intersection / union > np.float64(iou_threshold)
