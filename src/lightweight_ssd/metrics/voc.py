"""The VOC metric: average precision by the devkit's rules, and a confusion matrix.

The result depends on the score threshold, the NMS threshold and the maximum of detections per image before it: a score
threshold of 0.1 in place of 0.01 can cost many points, since average precision reads the whole list. State all three
with the result.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lightweight_ssd.metrics.average_precision import (
    Curve,
    PackedDetections,
    PackedObjects,
    confusion_matrix,
    voc_average_precision,
)
from lightweight_ssd.metrics.crowd import drop_crowd_regions
from lightweight_ssd.metrics.image_records import ImageRecord, ImageRecordsMetric, join_records, mean_of_known
from lightweight_ssd.metrics.names import VOC_METRICS

__all__ = ["VOCMetric", "VOCResult"]


class VOCResult(NamedTuple):
    """Average precision, 0 to 1, over a whole split; NaN (never −1) for a class without countable objects.

    Attributes:
        class_names: Names in the order of the labels.
        map_50: Mean over classes of `ap_50`, the primary metric.
        map_50_11point: Mean over classes of `ap_50_11point`.
        map_50_95: Mean over classes of `ap_50_95`.
        ap_50: Area under the interpolated curve at IoU 0.5 (VOC 2010 and later).
        ap_50_11point: Eleven-point average precision at IoU 0.5 (VOC 2007).
        ap_50_95: Area, mean over IoU 0.5, 0.55 … 0.95.
        objects: Objects per class, difficult ones not counted.
        curves: Precision and recall at IoU 0.5, one per class.
        confusion: Row: true class, column: predicted class; the background is last.
    """

    class_names: tuple[str, ...]
    map_50: float
    map_50_11point: float
    map_50_95: float
    ap_50: Float[np.ndarray, " C"]
    ap_50_11point: Float[np.ndarray, " C"]
    ap_50_95: Float[np.ndarray, " C"]
    objects: Int[np.ndarray, " C"]
    curves: tuple[Curve, ...]
    confusion: Int[np.ndarray, "C+1 C+1"]

    def scalars(self) -> dict[str, float]:
        """The means alone, for a logger."""
        return {name: getattr(self, name) for name in VOC_METRICS}


class VOCMetric(ImageRecordsMetric[VOCResult]):
    """Mean average precision by the VOC devkit's rules, the same on one rank and on many.

    Difficult objects count neither way; nor do detections inside a crowd region, which VOC does not have (see `crowd`).

    Args:
        class_names: Names in the order of the labels.
        confusion_score: Smallest score of a detection in the confusion matrix; average precision reads all.
    """

    def __init__(self, class_names: Sequence[str], confusion_score: float = 0.3) -> None:
        super().__init__(class_names)
        self.confusion_score = confusion_score

    def _score(self, records: list[ImageRecord]) -> VOCResult:
        num_classes = len(self.class_names)
        detections, objects = _pack(records, num_classes)
        precision = voc_average_precision(detections, objects, num_classes)
        area, eleven_point, over_thresholds = precision.area[0], precision.eleven_point[0], precision.area.mean(0)
        return VOCResult(
            class_names=self.class_names,
            map_50=mean_of_known(area),
            map_50_11point=mean_of_known(eleven_point),
            map_50_95=mean_of_known(over_thresholds),
            ap_50=area,
            ap_50_11point=eleven_point,
            ap_50_95=over_thresholds,
            objects=precision.objects,
            curves=precision.curves,
            confusion=confusion_matrix(detections, objects, num_classes, self.confusion_score),
        )


def _pack(records: list[ImageRecord], num_classes: int) -> tuple[PackedDetections, PackedObjects]:
    found, truth, all_of = join_records(records)
    detections = PackedDetections(found, all_of.labels, all_of.scores, all_of.boxes)
    objects = PackedObjects(truth, all_of.object_labels, all_of.object_boxes, all_of.difficult)
    return drop_crowd_regions(detections, objects, all_of.crowd, num_classes)
