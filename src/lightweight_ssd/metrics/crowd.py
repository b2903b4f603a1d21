"""Crowd regions under VOC's rules, which have none: a detection inside one counts neither way, as in COCO.

A crowd region is one box around many objects that have no box of their own, so the IoU of a correct detection with it
is small. COCO compares instead the share of the detection that lies inside. Crowd regions are removed before anything
is scored, and with them the detections that only a crowd region explains; so every later analysis sees plain objects.
"""

import numpy as np
from jaxtyping import Bool, Float

from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, best_object, pair_up

__all__ = ["drop_crowd_regions"]

_SHARE = 0.5  # of a detection inside a crowd region, and the IoU at which an object explains it


def drop_crowd_regions(
    detections: PackedDetections, objects: PackedObjects, crowd: Bool[np.ndarray, " M"], num_classes: int
) -> tuple[PackedDetections, PackedObjects]:
    """Removes crowd regions, and detections of which at least half lies in one of their class and that fit no object.

    Args:
        detections: Detections of all images.
        objects: Ground truth of all images, crowd regions included.
        crowd: Which objects are crowd regions.
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
        every threshold: both shares are 0.5 throughout, and a second detection of an object inside a crowd
        region is false.
    """
    if not crowd.any():
        return detections, objects
    regions, single = (PackedObjects(*(column[kept] for column in objects)) for kept in (crowd, ~crowd))
    explained = best_object(detections, single, num_classes)[0] >= _SHARE
    kept = explained | (_share_inside(detections, regions, num_classes) < _SHARE)
    return PackedDetections(*(column[kept] for column in detections)), single


def _share_inside(detections: PackedDetections, regions: PackedObjects, num_classes: int) -> Float[np.ndarray, " D"]:
    """The largest share of each detection's area that lies in one crowd region of its image and class."""
    found, truth = pair_up(
        detections.image_index.astype(np.int64) * num_classes + detections.labels,
        regions.image_index.astype(np.int64) * num_classes + regions.labels,
    )
    a, b = detections.boxes[found].astype(np.float64), regions.boxes[truth].astype(np.float64)
    common = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0).prod(1)
    area = np.maximum((a[:, 2:] - a[:, :2]).prod(1), np.finfo(np.float64).tiny)
    share = np.zeros(len(detections.labels))
    np.maximum.at(share, found, common / area)
    return share
