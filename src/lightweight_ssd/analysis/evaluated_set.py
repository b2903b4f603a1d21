"""A run's detections and ground truth, read from its folder: all that an analysis needs, without model or data set.

Images stand by rising id and detections in the order of the file, as in the metric of the run itself, so that equal
scores fall into the same order and the files give the mAP of `results.json` again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from lightweight_ssd.analysis.ground_truth import GroundTruth, read_ground_truth
from lightweight_ssd.data.formats.coco_results import read_detections
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects
from lightweight_ssd.metrics.crowd import drop_crowd_regions
from lightweight_ssd.types import xywh_to_xyxy

__all__ = ["EvaluatedSet", "read_evaluated_set"]


_LARGEST = 1e7  # pixels


class EvaluatedSet(NamedTuple):
    """A measured split: what was found and what is there.

    Attributes:
        image_ids: Rising; `image_index` of detections and objects is a place in this array.
        image_names: File name of each image, without its folder.
        image_paths: Where the image file lay when the run was measured; None where the file does not say.
        sizes: Height and width of each image file, pixels.
        class_names: In the order of the labels.
        detections: Boxes xyxy in pixels of the image file, without those that only a crowd explains.
        objects: Boxes xyxy in pixels of the image file, without crowds.
    """

    image_ids: Int[np.ndarray, " N"]
    image_names: tuple[str, ...]
    image_paths: tuple[str | None, ...]
    sizes: Int[np.ndarray, "N 2"]
    class_names: tuple[str, ...]
    detections: PackedDetections
    objects: PackedObjects


def read_evaluated_set(detections: Path, ground_truth: Path) -> EvaluatedSet:
    """Reads a COCO results file beside the COCO instances file that it belongs to.

    Args:
        detections: Results file, as `detections.json` of a run.
        ground_truth: Instances file, as `ground_truth.json` of a run; objects marked `difficult` count neither way,
            and those marked `iscrowd` are left out as in the metric of the run.

    Raises:
        FileNotFoundError: If one of the files is missing.
        ValueError: If one of them is of another kind, or names an image or a category that the instances file lacks.
    """
    truth = read_ground_truth(Path(ground_truth))
    category_ids = [category.id for category in truth.categories]
    image_ids = np.array([image.id for image in truth.images], np.int64)
    objects, crowd = _pack_objects(truth, image_ids, category_ids)
    found = _pack_detections(Path(detections), image_ids, category_ids)
    found, objects = drop_crowd_regions(found, objects, crowd, len(category_ids))
    return EvaluatedSet(
        image_ids=image_ids,
        image_names=tuple(image.file_name for image in truth.images),
        image_paths=tuple(image.path for image in truth.images),
        sizes=np.array([(image.height, image.width) for image in truth.images], np.int64).reshape(-1, 2),
        class_names=tuple(category.name for category in truth.categories),
        detections=found,
        objects=objects,
    )


def _pack_detections(path: Path, image_ids: Int[np.ndarray, " N"], category_ids: Sequence[int]) -> PackedDetections:
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        found = read_detections(path, image_ids.tolist(), category_ids)
    wrong = ~((np.abs(found.boxes) < _LARGEST).all(1) & (found.scores >= 0) & (found.scores <= 1))
    if wrong.any():
        raise ValueError(
            f"Expected boxes in pixels and scores from 0 to 1 in {path} but got {found.boxes[wrong][0].tolist()} with "
            f"{found.scores[wrong][0]}; evaluate the checkpoint again."
        )
    index = np.searchsorted(image_ids, found.image_ids)
    order = np.argsort(index, kind="stable")
    return PackedDetections(index[order], found.labels[order], found.scores[order], found.boxes[order])


def _pack_objects(
    truth: GroundTruth, image_ids: Int[np.ndarray, " N"], category_ids: Sequence[int]
) -> tuple[PackedObjects, Bool[np.ndarray, " M"]]:
    """The objects, crowds among them, and which of them are crowds."""
    place = {image_id: index for index, image_id in enumerate(image_ids.tolist())}
    label = {category: index for index, category in enumerate(category_ids)}
    entries = sorted(truth.annotations, key=lambda known: place[known.image_id])
    boxes = xywh_to_xyxy(np.array([entry.bbox for entry in entries], np.float64).reshape(-1, 4))
    objects = PackedObjects(
        image_index=np.array([place[entry.image_id] for entry in entries], np.int64),
        labels=np.array([label[entry.category_id] for entry in entries], np.int64),
        boxes=boxes.astype(np.float32),  # as the run had them in memory
        difficult=np.array([entry.difficult for entry in entries], bool),
    )
    return objects, np.array([entry.iscrowd for entry in entries], bool)
