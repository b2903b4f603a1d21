"""A run's `ground_truth.json` read by type: an analysis never meets a value of another kind than it expects."""

import math
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lightweight_ssd.data.formats.coco_results import read_instances

__all__ = ["AnnotatedImage", "Category", "GroundTruth", "Object", "read_ground_truth"]

Id = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Side = Annotated[int, Meta(ge=1, le=1_000_000)]
Flag = Annotated[int, Meta(ge=0, le=1)] | bool


class AnnotatedImage(Struct):
    """An image of the test set; `path` is where its file lay when the run was measured."""

    id: Id
    file_name: str
    width: Side
    height: Side
    path: str | None = None


class Object(Struct):
    """An annotated object; its box is x, y, width, height in pixels of the image file."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    difficult: Flag = 0
    iscrowd: Flag = 0


class Category(Struct):
    """A class of objects."""

    id: Id
    name: str


class GroundTruth(Struct):
    """What is annotated: images by rising id, objects in the order of the file."""

    images: list[AnnotatedImage]
    annotations: list[Object]
    categories: list[Category]


def read_ground_truth(path: Path) -> GroundTruth:
    """Reads an instances file that a run has written.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another kind, or names an image or a category that it does not have, or one twice.
    """
    try:
        truth = msgspec.convert(read_instances(path), GroundTruth)
    except msgspec.ValidationError as error:
        raise ValueError(f"Expected a COCO instances file in {path} but got {error}; evaluate it again.") from error
    images, categories = ({one.id for one in many} for many in (truth.images, truth.categories))
    if len(images) < len(truth.images) or len(categories) < len(truth.categories):
        raise ValueError(f"Expected every id once in {path} but got one twice; evaluate the checkpoint again.")
    for known in truth.annotations:
        if known.image_id not in images or known.category_id not in categories or not _is_box(known):
            raise ValueError(
                f"Expected objects of the file's own images and categories in {path} but got image_id "
                f"{known.image_id} with category_id {known.category_id} at {list(known.bbox)}; evaluate the checkpoint "
                "again."
            )
    truth.images.sort(key=lambda image: image.id)
    return truth


def _is_box(known: Object) -> bool:
    return all(math.isfinite(value) and abs(value) < 1e7 for value in known.bbox)
