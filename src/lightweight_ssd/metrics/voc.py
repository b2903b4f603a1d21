"""The VOC metric: keeps what was found and what is there per image, and scores all of it at once.

Sums cannot be merged here as they can for a loss: a detection's verdict depends on every other detection of its class.
So each rank keeps records by image id, rank 0 gathers them and computes, and every rank receives the result. A sampler
that pads its last round shows an image twice; under its id it counts once.

The figures depend on the score threshold, the suppression and the limit of detections before them: a score threshold
of 0.1 in place of 0.01 can cost many points, since average precision reads the whole list. State them with the figure.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Float32, Int, Int64
from torchmetrics import Metric

from lightweight_ssd.average_precision import (
    Curve,
    PackedDetections,
    PackedObjects,
    confusion_matrix,
    voc_average_precision,
)
from lightweight_ssd.types import Annotation, Detections

__all__ = ["VOCMetric", "VOCResult"]


class VOCResult(NamedTuple):
    """Average precision, 0 to 1, over a whole split; NaN (never −1) for a class without countable objects.

    Attributes:
        class_names: Names in the order of the labels.
        map_50: Mean over classes of `ap_50`, the figure that stands first.
        map_50_11point: Mean over classes of `ap_50_11point`.
        map_50_95: Mean over classes of `ap_50_95`.
        ap_50: Area under the interpolated curve at IoU 0.5 (VOC 2010 and later).
        ap_50_11point: Eleven-point figure at IoU 0.5 (VOC 2007).
        ap_50_95: Area, mean over IoU 0.5, 0.55 … 0.95.
        objects: Objects per class, difficult ones not counted.
        curves: Precision and recall at IoU 0.5, one per class.
        confusion: Row true class, column found class, background last.
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
        return {name: getattr(self, name) for name in ("map_50", "map_50_11point", "map_50_95")}


class _Record(NamedTuple):
    """What was found in one image and what is there; CPU arrays in pixels of the image file."""

    boxes: Float32[np.ndarray, "D 4"]
    scores: Float32[np.ndarray, " D"]
    labels: Int64[np.ndarray, " D"]
    object_boxes: Float32[np.ndarray, "M 4"]
    object_labels: Int64[np.ndarray, " M"]
    difficult: Bool[np.ndarray, " M"]


class VOCMetric(Metric):
    """Mean average precision by the VOC devkit's rules, the same on one rank and on many.

    Args:
        class_names: Names in the order of the labels.
        confusion_score: Smallest score that counts as found in the confusion matrix; average precision reads all.
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False

    def __init__(self, class_names: Sequence[str], confusion_score: float = 0.3) -> None:
        # A cached result would let one rank skip the gathering that the others wait in.
        super().__init__(sync_on_compute=False, compute_with_cache=False)
        self.class_names = tuple(class_names)
        self.confusion_score = confusion_score
        self._records: dict[int, _Record] = {}

    def update(self, detections: list[Detections], annotations: list[Annotation]) -> None:
        """Takes a batch; an image that comes again replaces its earlier record.

        Args:
            detections: One per image, boxes in pixels of the image file (not of the network's input).
            annotations: One per image, in the same order.

        Raises:
            ValueError: If the lengths differ, or a label has no class name.
        """
        if len(detections) != len(annotations):
            raise ValueError(
                f"Expected one Detections per annotation but got {len(detections)} for {len(annotations)} images; "
                "pass empty Detections for an image in which nothing was found."
            )
        for annotation, found in zip(annotations, _to_numpy(detections), strict=True):
            self._check_labels(found[2], "detection", annotation.path)
            self._check_labels(annotation.labels, "object", annotation.path)
            self._records[annotation.image_id] = _Record(
                *found, annotation.boxes, annotation.labels, annotation.ignored
            )

    def compute(self) -> VOCResult:
        """Scores all images of all ranks; every rank must call it, and every rank gets the result."""
        if not (dist.is_available() and dist.is_initialized()):
            return self._result()
        rank = dist.get_rank()
        gathered: list[dict[int, _Record]] = [{} for _ in range(dist.get_world_size())]
        dist.gather_object(self._records, gathered if rank == 0 else None)
        for records in gathered:
            self._records = records | self._records  # of a padded image the lowest rank's record stays
        answer = [self._result() if rank == 0 else None]
        dist.broadcast_object_list(answer)
        assert answer[0] is not None
        return answer[0]

    def forward(self, detections: list[Detections], annotations: list[Annotation]) -> None:  # pyright: ignore
        """Updates and returns nothing: the average precision of a batch means little and would cost a gathering."""
        self.update(detections, annotations)

    def reset(self) -> None:
        """Forgets all images."""
        super().reset()
        self._records = {}

    def records(self) -> dict[int, Detections]:
        """Detections by rising image id, CPU tensors; on rank 0 those of all ranks once `compute` has run."""
        return {
            image_id: Detections(
                torch.from_numpy(record.boxes), torch.from_numpy(record.scores), torch.from_numpy(record.labels)
            )
            for image_id, record in sorted(self._records.items())
        }

    def _check_labels(self, labels: Int64[np.ndarray, " N"], what: str, path: str) -> None:
        if labels.size and not (labels.min() >= 0 and labels.max() < len(self.class_names)):
            raise ValueError(
                f"Expected labels from 0 to {len(self.class_names) - 1} but got a {what} with {labels.min()} to "
                f"{labels.max()} for {path}; check that the metric has the class names of the data."
            )

    def _result(self) -> VOCResult:
        detections, objects = _pack([record for _, record in sorted(self._records.items())])
        num_classes = len(self.class_names)
        precision = voc_average_precision(detections, objects, num_classes)
        area, eleven_point, over_thresholds = precision.area[0], precision.eleven_point[0], precision.area.mean(0)
        return VOCResult(
            class_names=self.class_names,
            map_50=_mean_of_known(area),
            map_50_11point=_mean_of_known(eleven_point),
            map_50_95=_mean_of_known(over_thresholds),
            ap_50=area,
            ap_50_11point=eleven_point,
            ap_50_95=over_thresholds,
            objects=precision.objects,
            curves=precision.curves,
            confusion=confusion_matrix(detections, objects, num_classes, self.confusion_score),
        )


def _to_numpy(detections: list[Detections]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Boxes, scores and labels per image; three copies from the device for a batch, not three for an image."""
    if not detections:
        return []
    boxes = torch.cat([found.boxes for found in detections]).detach().float().cpu().numpy()
    scores = torch.cat([found.scores for found in detections]).detach().float().cpu().numpy()
    labels = torch.cat([found.labels for found in detections]).long().cpu().numpy()
    ends = np.cumsum([len(found.labels) for found in detections])[:-1]
    return list(zip(np.split(boxes, ends), np.split(scores, ends), np.split(labels, ends), strict=True))


def _pack(records: list[_Record]) -> tuple[PackedDetections, PackedObjects]:
    boxes, scores, labels, object_boxes, object_labels, difficult = (
        np.concatenate([empty, *column])
        for empty, column in zip(_NOTHING, zip(*records, strict=True) if records else [()] * 6, strict=True)
    )
    images = np.arange(len(records))
    found = np.repeat(images, [len(record.labels) for record in records])
    truth = np.repeat(images, [len(record.object_labels) for record in records])
    return (
        PackedDetections(found, labels, scores, boxes),
        PackedObjects(truth, object_labels, object_boxes, difficult),
    )


_NOTHING = _Record(
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int64),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.int64),
    np.zeros(0, bool),
)


def _mean_of_known(values: Float[np.ndarray, " C"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
