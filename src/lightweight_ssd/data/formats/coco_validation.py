"""What is wrong with the entries of a COCO instances file: a status for each, and its sentence when asked for."""

import os
from collections import Counter
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from lightweight_ssd.data.formats.coco_categories import Categories, choose_classes
from lightweight_ssd.data.formats.coco_entries import UNKNOWN_ID
from lightweight_ssd.data.formats.coco_files import Located, locate_images
from lightweight_ssd.data.formats.coco_json import Objects, Tables
from lightweight_ssd.data.nearest_name import nearest_name
from lightweight_ssd.types import xywh_to_xyxy

__all__ = ["Status", "Validated", "count_objects", "validate_tables"]


class Status(IntEnum):
    """What is wrong with one entry; where several things are, the highest."""

    VALID = 0
    DROPPED = 1  # a box without area, where those may be left out
    EMPTY = 2
    OUTSIDE = 3
    INVERTED = 4
    MISSING = 5
    AMBIGUOUS = 6
    NO_SIZE = 7
    NAME_TWICE = 8
    ID_TWICE = 9
    NO_CLASS = 10  # a category that the classes do not have
    NO_CATEGORY = 11
    NO_IMAGE = 12
    UNDECODED = 13


class Validated(NamedTuple):
    """A file's tables, put in relation and validated.

    Attributes:
        path: The file.
        folder: Its images' folder.
        tables: What stands in the file; of the images, where they are and how large, as `located` says.
        classes: Those that the labels count.
        located: What the files of the images add.
        rows: Row of each object's image; −1 where the file lists none of that id.
        labels: Class index of each object; −1 where its category is no class or unknown.
        boxes: xyxy of each object, clipped to the image.
        image_status: A `Status` for each image.
        object_status: A `Status` for each object.
        without_own_id: Which objects have an id that others have, or none.
        relative: Whether the file's boxes are shares of their images' sides.
    """

    path: Path
    folder: Path
    tables: Tables
    classes: Categories
    located: Located
    rows: Int64[np.ndarray, " M"]
    labels: Int64[np.ndarray, " M"]
    boxes: Float32[np.ndarray, "M 4"]
    image_status: UInt8[np.ndarray, " N"]
    object_status: UInt8[np.ndarray, " M"]
    without_own_id: Bool[np.ndarray, " M"]
    relative: bool

    def image_error(self, row: int) -> Exception:
        """What is wrong with an image."""
        images, status = self.tables.images, self.image_status[row]
        name, number = images.names[row], images.ids[row]
        if status == Status.UNDECODED:
            return ValueError(images.wrong[row])
        if status == Status.MISSING:
            return FileNotFoundError(
                f"Expected the image {name!r} of {self.path} in {self.folder}, but there is no such file: put it "
                "there, take it out of the list, or set the folder of the split's images."
            )
        if status == Status.AMBIGUOUS:
            return ValueError(self.located.ambiguous[row])
        if status == Status.NO_SIZE:
            return ValueError(
                f"Expected the width and height of the image {name!r} in {self.path} or in its own header, but neither "
                "has them: write them into the entry, or replace the image."
            )
        what = f"the id {number}" if status == Status.ID_TWICE else "the file name"
        return ValueError(
            f"Expected each image once in {self.path}, but {what} of {name!r} stands there more than once: remove or "
            "rename what is repeated."
        )

    def object_error(self, index: int) -> Exception:
        """What is wrong with an object."""
        objects, status = self.tables.objects, self.object_status[index]
        if status == Status.UNDECODED:
            return ValueError(objects.wrong[index])
        where = f"{self.object_name(index)} of {self._image(index)} in {self.path}"
        box = ", ".join(f"{value:g}" for value in objects.boxes[index])
        height, width = self.tables.images.sizes[self.rows[index]]
        return ValueError({
            Status.NO_IMAGE: f"Expected the image of {where} among the file's images, but none has this id: correct "
            "or remove the annotation.",
            Status.NO_CATEGORY: f"Expected the category of {where} among the file's {len(self.tables.categories)} "
            f"categories, but got {self._category_id(index)}: correct it, or add the category.",
            Status.NO_CLASS: self._no_class(index, where),
            Status.INVERTED: f"Expected the box of {where} as x, y, width, height with a width and height of at least "
            f"0, but got {box}: correct it.",
            Status.OUTSIDE: f"Expected the box of {where} inside its image of {width}x{height} pixels, but got x, y, "
            f"width, height = {box}: correct it, or allow more pixels outside with data.box_tolerance.",
            Status.EMPTY: f"Expected the box of {where} to have an area, but got x, y, width, height = {box}: correct "
            "or remove it, or set data.drop_empty_boxes=true.",
        }[Status(status)])  # fmt: skip

    def object_name(self, index: int) -> str:
        """By its id, or by its place where that is not its own."""
        own = not self.without_own_id[index]
        return f"annotation {self.tables.objects.ids[index]}" if own else f"annotations[{index}]"

    def _image(self, index: int) -> str:
        number = int(self.tables.objects.image_ids[index])
        text = next((repr(text) for text, own in self.tables.images.texts.items() if own == number), str(number))
        return "an image of another id" if number == UNKNOWN_ID else f"image {text}"

    def _category_id(self, index: int) -> str:
        number = self.tables.objects.category_ids[index]
        return "a text that is no id" if number == UNKNOWN_ID else str(number)

    def _no_class(self, index: int, where: str) -> str:
        number = self.tables.objects.category_ids[index]
        name = next((one.name for one in self.tables.categories if one.id == number), "")
        near = nearest_name(name, self.classes.names)
        return (
            f"Expected the category of {where} among the {len(self.classes.names)} classes to train on, but got "
            f"{name!r}: {f'did you mean {near!r}? ' if near else ''}name it as there, or remove its objects."
        )


def validate_tables(
    path: Path,
    folder: Path,
    tables: Tables,
    box_tolerance: float,
    drop_empty_boxes: bool,
    classes: Categories | None = None,
) -> Validated:
    """Looks at every entry.

    Args:
        path: The file, for its sentences.
        folder: Where the images lie, absolute.
        tables: What stands in the file, at least one image.
        box_tolerance: Pixels by which a box may leave its image.
        drop_empty_boxes: Whether a box without area is left out or is wrong.
        classes: Of the training file, to which categories are matched by name; None is those of this file.
    """
    classes = classes or choose_classes(tables.categories, lambda: count_objects(tables), path)[0]
    located = locate_images(path, folder, tables.images)
    tables = tables._replace(images=located.images)
    categories, images, objects = tables
    rows = _places(images.ids, objects.image_ids)
    places = _places(np.array([each.id for each in categories]), objects.category_ids)
    label_of = {name: label for label, name in enumerate(classes.names)}
    labels = np.array([label_of.get(each.name, -1) for each in categories], np.int64)[places]
    relative = _are_relative(objects)
    scale = np.tile(images.sizes[rows][:, ::-1], 2) if relative else 1
    boxes, outside = _corners(objects.boxes * scale, images.sizes[rows], box_tolerance)
    empty = (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
    object_status = _highest(len(rows), {
        Status.DROPPED if drop_empty_boxes else Status.EMPTY: empty,
        Status.OUTSIDE: outside,
        Status.INVERTED: objects.boxes[:, 2:].min(axis=1) < 0,
        Status.NO_CLASS: labels < 0,
        Status.NO_CATEGORY: places < 0,
        Status.NO_IMAGE: rows < 0,
        Status.UNDECODED: list(objects.wrong),
    })  # fmt: skip
    image_status = _highest(len(images.ids), {
        Status.MISSING: located.missing,
        Status.AMBIGUOUS: list(located.ambiguous),
        Status.NO_SIZE: located.unmeasured,
        Status.NAME_TWICE: _repeated(_plain(images.names, folder)),
        Status.ID_TWICE: _repeated(images.ids),
        Status.UNDECODED: list(images.wrong),
    })  # fmt: skip
    without_own_id = _repeated(objects.ids) | (objects.ids == UNKNOWN_ID)
    without_own_id[list(objects.wrong)] = False
    return Validated(
        path, folder, tables, classes, located, rows, labels, boxes, image_status, object_status,
        without_own_id, relative,
    )  # fmt: skip


def _are_relative(objects: Objects) -> bool:
    """Whether no box reaches beyond 1, as in Azure's exports; boxes in pixels are not all fractions of one pixel."""
    boxes = np.delete(objects.boxes, list(objects.wrong), axis=0) if objects.wrong else objects.boxes
    return bool(len(boxes) and boxes.max() <= 1 and boxes.min() >= 0 and (boxes[:, 2:] % 1 > 0).any())


def count_objects(tables: Tables) -> Counter[int]:
    """Annotations of each category id, right or wrong."""
    numbers, counts = np.unique(tables.objects.category_ids, return_counts=True)
    return Counter(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))


def _highest(count: int, found: dict[Status, Bool[np.ndarray, " N"] | list[int]]) -> UInt8[np.ndarray, " N"]:
    highest = np.full(count, Status.VALID, np.uint8)
    for status in sorted(found):
        highest[found[status]] = status
    return highest


def _places(keys: Int64[np.ndarray, " K"], values: Int64[np.ndarray, " V"]) -> Int64[np.ndarray, " V"]:
    """Where each value stands among the keys; −1 where it does not."""
    order = np.argsort(keys, kind="stable")
    found = order[np.searchsorted(keys[order], values).clip(max=len(keys) - 1)]
    return np.where(keys[found] == values, found, -1)


def _repeated(values: Int64[np.ndarray, " N"] | list[str]) -> Bool[np.ndarray, " N"]:
    """Which of the values stand more than once: all of them, since it is unknown which one is right."""
    if isinstance(values, list):  # a set of short strings is far smaller than an array as wide as the longest
        counts = Counter(values)
        return np.array([counts[value] > 1 for value in values], dtype=bool)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[inverse] > 1


def _corners(
    boxes: Float64[np.ndarray, "M 4"], sizes: Int32[np.ndarray, "M 2"], tolerance: float
) -> tuple[Float32[np.ndarray, "M 4"], Bool[np.ndarray, " M"]]:
    """Boxes as xyxy, clipped to their images; and which of them stood further outside than tolerated."""
    corners = xywh_to_xyxy(boxes)  # infinite for a box of 1e308 pixels, which is outside too
    clipped = np.clip(corners, 0, np.tile(sizes[:, ::-1], 2))
    return clipped.astype(np.float32), np.abs(clipped - corners).max(axis=1) > tolerance


def _plain(names: list[str], folder: Path) -> list[str]:
    """One spelling for each file: `a.jpg` for `./a.jpg` too.

    Only odd names take the long way, since there may be a million.
    """
    root = os.path.normpath(folder)
    start = root.rstrip("/") + "/"
    return [
        os.path.normpath(os.path.join(root, name)).removeprefix(start)  # noqa: PTH118  # Path keeps ".."
        if name.startswith(("/", ".")) or "//" in name or "/." in name
        else name
        for name in names
    ]
