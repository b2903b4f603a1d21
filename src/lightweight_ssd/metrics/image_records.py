"""The records that every detection metric keeps: detections and objects by image, scored all at once.

Sums cannot be merged here as they can for a loss: whether a detection is a true positive depends on every other
detection of its class. So each rank keeps records by image id, rank 0 gathers them and computes, and every rank
receives the result. A sampler that pads its last round shows an image twice; under its id it counts once.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Bool, Float, Float32, Int, Int64
from torchmetrics import Metric

from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

__all__ = ["ImageRecord", "ImageRecordsMetric", "JoinedRecords", "join_records", "mean_of_known"]

Result = TypeVar("Result")


class ImageRecord(NamedTuple):
    """Detections and objects of one image: CPU arrays, boxes xyxy in pixels of the image file."""

    boxes: Float32[np.ndarray, "D 4"]
    scores: Float32[np.ndarray, " D"]
    labels: Int64[np.ndarray, " D"]
    object_boxes: Float32[np.ndarray, "M 4"]
    object_labels: Int64[np.ndarray, " M"]
    difficult: Bool[np.ndarray, " M"]
    crowd: Bool[np.ndarray, " M"]
    areas: Float32[np.ndarray, " M"]


class JoinedRecords(NamedTuple):
    """Many images' records in one, and the image of each row.

    Attributes:
        found: Image of each detection, from 0.
        truth: Image of each object, from 0.
        columns: All detections and objects, in the order of the images.
    """

    found: Int[np.ndarray, " D"]
    truth: Int[np.ndarray, " M"]
    columns: ImageRecord


class ImageRecordsMetric(Metric, Generic[Result]):
    """Keeps records by image id, and computes the same result on one rank and on many.

    A subclass implements `_score`.

    Args:
        class_names: Names in the order of the labels.
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False

    def __init__(self, class_names: Sequence[str]) -> None:
        # A cached result would let one rank skip the gathering that the others wait in.
        super().__init__(sync_on_compute=False, compute_with_cache=False)
        self.class_names = tuple(class_names)
        self._records: dict[int, ImageRecord] = {}

    @abstractmethod
    def _score(self, records: list[ImageRecord]) -> Result:
        """Scores these images, which are sorted by id."""

    def update(self, detections: list[Detections], annotations: list[Annotation]) -> None:
        """Adds a batch; an image that comes again replaces its earlier record.

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
        of_all_classes = (known.in_every_class(len(self.class_names)) for known in annotations)
        for known, found in zip(of_all_classes, _to_numpy(detections), strict=True):
            self._check_labels(found[2], "detection", known.path)
            self._check_labels(known.labels, "object", known.path)
            self._records[known.image_id] = ImageRecord(
                *found, known.boxes, known.labels, known.difficult, known.crowd, known.areas
            )

    def compute(self) -> Result:
        """Scores all images of all ranks; every rank must call it, and every rank gets the same result."""
        if not (dist.is_available() and dist.is_initialized()):
            return self._result()
        rank = dist.get_rank()
        gathered: list[dict[int, ImageRecord]] = [{} for _ in range(dist.get_world_size())]
        dist.gather_object(self._records, gathered if rank == 0 else None)
        for records in gathered:
            self._records = records | self._records  # of a padded image the lowest rank's record stays
        answer = [self._result() if rank == 0 else None]
        dist.broadcast_object_list(answer)
        assert answer[0] is not None
        return answer[0]

    def forward(self, detections: list[Detections], annotations: list[Annotation]) -> None:  # pyright: ignore
        """Calls `update` and returns nothing: the AP of a batch means little and would cost a gathering."""
        self.update(detections, annotations)

    def reset(self) -> None:
        """Removes all records."""
        super().reset()
        self._records = {}

    def records(self) -> dict[int, Detections]:
        """Detections by image id, sorted, as CPU tensors; after `compute`, rank 0 has those of all ranks."""
        return {
            image_id: Detections(
                torch.from_numpy(record.boxes), torch.from_numpy(record.scores), torch.from_numpy(record.labels)
            )
            for image_id, record in sorted(self._records.items())
        }

    def _result(self) -> Result:
        return self._score([record for _, record in sorted(self._records.items())])

    def _check_labels(self, labels: Int64[np.ndarray, " N"], what: str, path: str) -> None:
        if labels.size and not (labels.min() >= 0 and labels.max() < len(self.class_names)):
            raise ValueError(
                f"Expected labels from 0 to {len(self.class_names) - 1} but got a {what} with {labels.min()} to "
                f"{labels.max()} for {path}; check that the metric has the class names of the data."
            )


def join_records(records: Sequence[ImageRecord]) -> JoinedRecords:
    """Concatenates the records of many images; without any image, the arrays are empty and keep their shapes."""
    columns = (
        np.concatenate([empty, *column])
        for empty, column in zip(_NOTHING, zip(*records, strict=True) if records else [()] * 8, strict=True)
    )
    images = np.arange(len(records))
    found = np.repeat(images, [len(record.labels) for record in records])
    truth = np.repeat(images, [len(record.object_labels) for record in records])
    return JoinedRecords(found, truth, ImageRecord(*columns))


def mean_of_known(values: Float[np.ndarray, "..."]) -> float:
    """The mean of the values that are not NaN (a class without objects is NaN); NaN where all are.

    Example:
        >>> mean_of_known(np.array([0.5, np.nan, 1.0])), mean_of_known(np.array([np.nan]))
        (0.75, nan)
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _to_numpy(detections: list[Detections]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Boxes, scores and labels per image; three copies from the device for a batch, not three for an image."""
    if not detections:
        return []
    boxes = torch.cat([found.boxes for found in detections]).detach().float().cpu().numpy()
    scores = torch.cat([found.scores for found in detections]).detach().float().cpu().numpy()
    labels = torch.cat([found.labels for found in detections]).long().cpu().numpy()
    ends = np.cumsum([len(found.labels) for found in detections])[:-1]
    return list(zip(np.split(boxes, ends), np.split(scores, ends), np.split(labels, ends), strict=True))


_NO_BOXES, _NO_NUMBERS = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
_NO_LABELS, _NO_FLAGS = np.zeros(0, np.int64), np.zeros(0, bool)
_NOTHING = ImageRecord(
    _NO_BOXES, _NO_NUMBERS, _NO_LABELS, _NO_BOXES, _NO_LABELS, _NO_FLAGS, _NO_FLAGS, _NO_NUMBERS
)  # fmt: skip
