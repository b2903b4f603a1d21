"""The COCO metric: the twelve official metrics and AP per class, computed by faster-coco-eval.

Everything is passed in memory. Where COCO's own tool returns −1 (no object of that kind), this returns NaN.

COCO knows no difficult objects, and its tool overwrites a file's `ignore`. Here they are ignored as COCO ignores an
object whose area is outside the evaluated range: one detection that hits it counts neither way, a second is false.
They get an area beyond all ranges, so that the official tool gives the same numbers for the same lists.
"""

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from lightweight_ssd.metrics.image_records import (
    ImageRecord,
    ImageRecordsMetric,
    JoinedRecords,
    join_records,
    mean_of_known,
)
from lightweight_ssd.metrics.names import COCO_METRICS
from lightweight_ssd.types import FILE_DECIMALS, IGNORED_AREA, xyxy_to_xywh

__all__ = ["COCOMetric", "COCOResult", "coco_lists"]

_ALL, _SMALL, _MEDIUM, _LARGE = range(4)  # places of the area ranges: below 32², below 96², the rest
_ONE, _TEN, _HUNDRED = range(3)  # places of the limits of detections per image and class
_AT_50, _AT_75 = 0, 5  # places of the IoU thresholds

logger = logging.getLogger(__name__)


class COCOResult(NamedTuple):
    """COCO's metrics, 0 to 1, over a whole split; NaN (never −1) where there is no object of that kind.

    Attributes:
        class_names: Names in the order of the labels.
        ap: Mean over IoU 0.5, 0.55 … 0.95 and over classes, COCO's primary metric.
        ap_50: `ap` at IoU 0.5 alone.
        ap_75: `ap` at IoU 0.75 alone.
        ap_small: `ap` of objects below 32² square pixels of the image file.
        ap_medium: `ap` of objects from 32² to 96².
        ap_large: `ap` of larger objects.
        ar_1: Average recall with one detection per image and class.
        ar_10: With ten.
        ar_100: With a hundred.
        ar_small: With a hundred, of small objects.
        ar_medium: Likewise, of medium objects.
        ar_large: Likewise, of large objects.
        class_ap: `ap` of each class.
        class_ap_50: `ap_50` of each class.
        objects: Objects per class, crowd regions and difficult ones not counted.
    """

    class_names: tuple[str, ...]
    ap: float
    ap_50: float
    ap_75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar_1: float
    ar_10: float
    ar_100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    class_ap: Float[np.ndarray, " C"]
    class_ap_50: Float[np.ndarray, " C"]
    objects: Int[np.ndarray, " C"]

    def scalars(self) -> dict[str, float]:
        """The twelve metrics in the official order, for a logger."""
        return {name: getattr(self, name) for name in COCO_METRICS}


class COCOMetric(ImageRecordsMetric[COCOResult]):
    """Average precision and recall by COCO's rules, the same on one rank and on many.

    A detection inside a crowd region counts neither way, and sizes are those of the objects' masks where there are any.

    Args:
        class_names: Names in the order of the labels.

    Source: cocodataset.org/#detection-eval and the COCO API's `cocoeval.py`.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        super().__init__(class_names)

    def _score(self, records: list[ImageRecord]) -> COCOResult:
        joined = join_records(records)
        precision, recall = _evaluate(joined, len(records), len(self.class_names))
        best = precision[..., _HUNDRED]
        counted = joined.columns.object_labels[~(joined.columns.difficult | joined.columns.crowd)]
        return COCOResult(
            self.class_names,
            *(mean_of_known(best[place, :, :, _ALL]) for place in (slice(None), _AT_50, _AT_75)),
            *(mean_of_known(best[..., size]) for size in (_SMALL, _MEDIUM, _LARGE)),
            *(mean_of_known(recall[:, :, _ALL, limit]) for limit in (_ONE, _TEN, _HUNDRED)),
            *(mean_of_known(recall[:, :, size, _HUNDRED]) for size in (_SMALL, _MEDIUM, _LARGE)),
            class_ap=_per_class(best[..., _ALL]),
            class_ap_50=_per_class(best[[_AT_50]][..., _ALL]),
            objects=np.bincount(counted, minlength=len(self.class_names)),
        )


def coco_lists(joined: JoinedRecords, images: int, classes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Converts ground truth and detections to the lists and dictionaries of COCO's tools.

    Args:
        joined: Records of all images.
        images: Number of images; their ids are 1, 2, ….
        classes: Number of classes; a category's id is its label + 1.

    Returns:
        An instances dictionary, and a list of results with ids and areas; boxes are (x, y, width, height) in pixels.
        Boxes and areas are rounded as in a run's files.
    """
    found, truth, (boxes, scores, labels, object_boxes, object_labels, difficult, crowd, areas) = joined
    areas = np.where(difficult & ~crowd, IGNORED_AREA, areas.astype(np.float64).round(FILE_DECIMALS))
    keys = ("image_id", "category_id", "bbox", "area", "id", "iscrowd")
    objects = _rows(
        keys, truth + 1, object_labels + 1, xyxy_to_xywh(object_boxes).round(FILE_DECIMALS), areas, crowd.astype(int)
    )
    corners = xyxy_to_xywh(boxes).round(FILE_DECIMALS)
    keys = ("image_id", "category_id", "bbox", "area", "id", "score")
    detections = _rows(keys, found + 1, labels + 1, corners, corners[:, 2] * corners[:, 3], scores.astype(np.float64))
    instances = {
        "images": [{"id": place + 1} for place in range(images)],
        "categories": [{"id": place + 1} for place in range(classes)],
        "annotations": objects,
    }
    return instances, detections


def _rows(keys: Sequence[str], *columns: np.ndarray) -> list[dict[str, Any]]:
    *before, last = (column.tolist() for column in columns)
    ids = range(1, len(last) + 1)  # COCO's tools take an id of 0 for "not matched"
    return [dict(zip(keys, row, strict=True)) for row in zip(*before, ids, last, strict=True)]


def _evaluate(
    joined: JoinedRecords, images: int, classes: int
) -> tuple[Float[np.ndarray, "T R C A M"], Float[np.ndarray, "T C A M"]]:
    """Precision by IoU threshold, recall level, class, area range and limit; recall likewise without its level."""
    from faster_coco_eval import COCO, COCOeval_faster

    if not images:
        return np.full((10, 101, classes, 4, 3), np.nan), np.full((10, classes, 4, 3), np.nan)
    with _without_collector():
        instances, detections = coco_lists(joined, images, classes)
        found = COCO({**instances, "annotations": detections})
        evaluation = COCOeval_faster(COCO(instances), found, "bbox", print_function=logger.debug)
        evaluation.evaluate()
        evaluation.accumulate()
    return _with_nan(evaluation.eval["precision"]), _with_nan(evaluation.eval["recall"])


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's collector would walk half a million small dictionaries again and again: a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _with_nan(values: ArrayLike) -> Float[np.ndarray, "..."]:
    array = np.array(values, dtype=np.float64)
    array[array < 0] = np.nan
    return array


def _per_class(precision: Float[np.ndarray, "T R C"]) -> Float[np.ndarray, " C"]:
    """A class without objects is NaN throughout, any other nowhere."""
    return precision.mean(axis=(0, 1))
