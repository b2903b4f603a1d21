"""Crowds under VOC's rules, which know none: what was found inside one counts neither way, as in COCO.

A crowd is one box around many objects that nobody drew singly, so the IoU of a right detection with it is small. COCO
asks instead which share of the detection lies inside. Crowds are taken out before anything is scored, and with them the
detections that only a crowd explains; so every analysis that follows sees plain objects.
"""

import numpy as np
from jaxtyping import Bool, Float

from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, best_object, pair_up

__all__ = ["drop_crowd_regions"]

_SHARE = 0.5  # of a detection inside the crowd, and the IoU at which an object of its own explains it


def drop_crowd_regions(
    detections: PackedDetections, objects: PackedObjects, crowd: Bool[np.ndarray, " M"], num_classes: int
) -> tuple[PackedDetections, PackedObjects]:
    """Takes out crowds, and detections that lie by half or more in one of their class and on no object of it.

    Args:
        detections: Detections of all images.
        objects: Ground truth of all images, crowds included.
        crowd: Which objects are crowds.
        num_classes: Classes, more than the largest label.

    Returns:
        The other detections and objects, in their order.

    Example:
        >>> boxes = np.array([[0.0, 0.0, 100.0, 100.0]])
        >>> found = PackedDetections(np.array([0]), np.array([0]), np.array([0.9]), boxes / 10)
        >>> truth = PackedObjects(np.array([0]), np.array([0]), boxes, np.array([False]))
        >>> [len(rest.labels) for rest in drop_crowd_regions(found, truth, np.array([True]), num_classes=1)]
        [0, 0]

    Source: `computeIoU` and `evaluateImg` of the COCO API, with `iscrowd`. Deviations, so that the rule is the same at
        every threshold: both shares are 0.5 throughout, and a second detection of an object inside a crowd is false.
    """
    if not crowd.any():
        return detections, objects
    crowds, single = (PackedObjects(*(column[kept] for column in objects)) for kept in (crowd, ~crowd))
    explained = best_object(detections, single, num_classes)[0] >= _SHARE
    kept = explained | (_share_inside(detections, crowds, num_classes) < _SHARE)
    return PackedDetections(*(column[kept] for column in detections)), single


def _share_inside(detections: PackedDetections, crowds: PackedObjects, num_classes: int) -> Float[np.ndarray, " D"]:
    """The largest share of each detection's area that lies in one crowd of its image and class."""
    found, truth = pair_up(
        detections.image_index.astype(np.int64) * num_classes + detections.labels,
        crowds.image_index.astype(np.int64) * num_classes + crowds.labels,
    )
    a, b = detections.boxes[found].astype(np.float64), crowds.boxes[truth].astype(np.float64)
    common = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).prod(1)
    area = np.maximum((a[:, 2:] - a[:, :2]).prod(1), np.finfo(np.float64).tiny)
    share = np.zeros(len(detections.labels))
    np.maximum.at(share, found, common / area)
    return share
