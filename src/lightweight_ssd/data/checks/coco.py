"""One instances file in COCO's format, read to its end whatever is wrong in it."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.formats.coco_categories import Categories, from_one, read_categories
from lightweight_ssd.data.formats.coco_json import read_tables
from lightweight_ssd.data.formats.coco_notes import describe_file_decisions
from lightweight_ssd.data.formats.coco_validation import Status, Validated, validate_tables

__all__ = ["check_coco_file", "check_coco_source"]

_OF_IMAGES = {
    Status.AMBIGUOUS: Kind.MISSING_IMAGE,
    Status.NO_SIZE: Kind.UNREADABLE_IMAGE,
    Status.NAME_TWICE: Kind.DUPLICATE_IMAGE,
    Status.ID_TWICE: Kind.DUPLICATE_ID,
    Status.UNDECODED: Kind.MALFORMED,
}
_OF_OBJECTS = {
    Status.DROPPED: Kind.BOX_DROPPED,
    Status.EMPTY: Kind.BOX_WITHOUT_AREA,
    Status.OUTSIDE: Kind.BOX_OUTSIDE,
    Status.INVERTED: Kind.BOX_INVERTED,
    Status.NO_CLASS: Kind.UNKNOWN_CLASS,
    Status.NO_CATEGORY: Kind.UNKNOWN_CLASS,
    Status.NO_IMAGE: Kind.UNKNOWN_IMAGE,
    Status.UNDECODED: Kind.MALFORMED,
}
_OF_BOX = re.compile(r"(at `\$\.bbox(\[\d+\])?`|field `bbox`): correct or remove the entry\.$")  # at its end
_NO_FILE = (Status.UNDECODED, Status.AMBIGUOUS, Status.NO_SIZE)  # to be looked at
_NEED_A_SIZE = (Status.DROPPED, Status.EMPTY, Status.OUTSIDE)  # which an image's wrong entry does not give


def check_coco_source(source: COCO) -> Iterator[Problem | ListedImage]:
    """Yields every problem of the files of `data=coco`, each once for the splits that use it, and every image."""
    try:
        classes = read_categories(source.splits["train"].annotations.absolute())
    except (ValueError, OSError):  # a problem of that file
        classes = (None, None)
    for part in dict.fromkeys(source.splits.values()):
        splits = [split for split, own in source.splits.items() if own == part]
        yield from check_coco_file(
            part.annotations, part.images, splits, source.box_tolerance, source.drop_empty_boxes, *classes
        )


def check_coco_file(
    annotations: str | Path,
    images: str | Path,
    splits: Sequence[str],
    box_tolerance: float = 1.0,
    drop_empty_boxes: bool = True,
    class_names: tuple[str, ...] | None = None,
    category_ids: tuple[int, ...] | None = None,
) -> Iterator[Problem | ListedImage]:
    """Yields every problem of an instances file, and every image that it lists; whether that exists is not looked at.

    Args:
        annotations: The JSON file.
        images: Folder that the images' `file_name` starts from.
        splits: What the file is used for: `train`, `val`, `test`.
        box_tolerance: Pixels by which a box may leave its image.
        drop_empty_boxes: Boxes without area are a note, since reading leaves them out.
        class_names: Those of the training file; None takes the file's own.
        category_ids: Their ids in results; None is 1, 2, ….
    """
    path, folder, split = Path(annotations).absolute(), Path(images).absolute(), ", ".join(splits)
    try:
        tables = read_tables(path)
    except FileNotFoundError as error:
        yield Problem(Kind.MISSING_SPLIT, split, str(path), str(error))
        return
    except (ValueError, OSError) as error:
        yield Problem(Kind.MALFORMED_FILE, split, str(path), str(error))
        return
    if not tables.images.names:
        yield Problem(Kind.EMPTY_SPLIT, split, str(path), "the file lists no images")
        return
    classes = None if class_names is None else Categories(class_names, category_ids or from_one(class_names))
    entries = validate_tables(path, folder, tables, box_tolerance, drop_empty_boxes, classes)
    for note in describe_file_decisions(entries):
        yield Problem(Kind.DECIDED, split, str(path), note)
    for file, kind, detail in chain(_of_images(entries), _of_files(entries), _of_objects(entries)):
        yield Problem(kind, split, file, detail)
    rows = np.flatnonzero(~np.isin(entries.image_status, _NO_FILE)).tolist()
    for file, row in {_file(entries, row): row for row in rows}.items():  # each once, however often it is listed
        height, width = entries.tables.images.sizes[row].tolist()
        yield ListedImage(file, (height, width) if height else None, frozenset(splits))


def _of_images(entries: Validated) -> Iterator[tuple[str, Kind, str]]:
    for row in np.flatnonzero(np.isin(entries.image_status, list(_OF_IMAGES))).tolist():
        yield _file(entries, row), _OF_IMAGES[Status(entries.image_status[row])], str(entries.image_error(row))


def _of_files(entries: Validated) -> Iterator[tuple[str, Kind, str]]:
    """What the image files made good."""
    for row in entries.located.by_base_name:
        yield _file(entries, row), Kind.FOUND_BY_NAME, "it is not where file_name says"
    for row in entries.located.measured:
        yield _file(entries, row), Kind.SIZE_FROM_FILE, "the annotations give no width and height"


def _of_objects(entries: Validated) -> Iterator[tuple[str, Kind, str]]:
    for index in np.flatnonzero(entries.object_status != Status.VALID).tolist():
        status, row = Status(entries.object_status[index]), int(entries.rows[index])
        if status in _NEED_A_SIZE and not _has_size(entries, row):
            continue
        if status == Status.DROPPED:
            detail = f"{entries.object_name(index)} has no width or no height"
        else:
            detail = str(entries.object_error(index))
        is_box = status == Status.UNDECODED and _OF_BOX.search(detail)
        kind = Kind.BOX_NOT_NUMBERS if is_box else _OF_OBJECTS[status]
        yield _file(entries, row), kind, detail


def _has_size(entries: Validated, row: int) -> bool:
    return bool(entries.image_status[row] != Status.UNDECODED and entries.tables.images.sizes[row].all())


def _file(entries: Validated, row: int) -> str:
    """The image's file; the instances file where it gives none."""
    name = entries.tables.images.names[row] if row >= 0 else ""
    return str(entries.folder / name) if name else str(entries.path)
