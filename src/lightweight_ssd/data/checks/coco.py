"""One instances file in COCO's format, read to its end whatever is wrong in it."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.formats.coco_json import read_tables
from lightweight_ssd.data.formats.coco_validation import Judged, Verdict, judge

__all__ = ["check_coco_file"]

_OF_IMAGES = {
    Verdict.NAME_TWICE: Kind.DUPLICATE_IMAGE,
    Verdict.ID_TWICE: Kind.DUPLICATE_ID,
    Verdict.UNDECODED: Kind.MALFORMED,
}
_OF_OBJECTS = {
    Verdict.DROPPED: Kind.BOX_DROPPED,
    Verdict.EMPTY: Kind.BOX_WITHOUT_AREA,
    Verdict.OUTSIDE: Kind.BOX_OUTSIDE,
    Verdict.INVERTED: Kind.BOX_INVERTED,
    Verdict.ID_TWICE: Kind.DUPLICATE_ID,
    Verdict.NO_CATEGORY: Kind.UNKNOWN_CLASS,
    Verdict.NO_IMAGE: Kind.UNKNOWN_IMAGE,
    Verdict.UNDECODED: Kind.MALFORMED,
}
_OF_BOX = re.compile(r"(at `\$\.bbox(\[\d+\])?`|field `bbox`): correct or remove the entry\.$")  # at its end
_NEED_A_SIZE = (Verdict.DROPPED, Verdict.EMPTY, Verdict.OUTSIDE)  # which an image's wrong entry does not tell


def check_coco_file(
    annotations: str | Path,
    images: str | Path,
    splits: Sequence[str],
    box_tolerance: float = 1.0,
    drop_empty_boxes: bool = True,
) -> Iterator[Problem | ListedImage]:
    """Yields every problem of an instances file, and every image that it lists; whether that exists is not looked at.

    Args:
        annotations: The JSON file.
        images: Folder that the images' `file_name` starts from.
        splits: What the file is used for: `train`, `val`, `test`.
        box_tolerance: Pixels by which a box may leave its image.
        drop_empty_boxes: Boxes without area are a note, since reading leaves them out.
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
    judged = judge(path, folder, tables, box_tolerance, drop_empty_boxes)
    for file, kind, detail in chain(_of_images(judged), _of_objects(judged)):
        yield Problem(kind, split, file, detail)
    rows = np.flatnonzero(judged.of_images != Verdict.UNDECODED).tolist()
    for file, row in {_file(judged, row): row for row in rows}.items():  # each once, however often it is listed
        height, width = tables.images.sizes[row].tolist()
        yield ListedImage(file, (height, width), frozenset(splits))


def _of_images(judged: Judged) -> Iterator[tuple[str, Kind, str]]:
    for row in np.flatnonzero(np.isin(judged.of_images, list(_OF_IMAGES))).tolist():
        yield _file(judged, row), _OF_IMAGES[Verdict(judged.of_images[row])], str(judged.image_error(row))


def _of_objects(judged: Judged) -> Iterator[tuple[str, Kind, str]]:
    for index in np.flatnonzero(judged.of_objects != Verdict.FINE).tolist():
        verdict, row = Verdict(judged.of_objects[index]), int(judged.rows[index])
        if verdict in _NEED_A_SIZE and judged.of_images[row] == Verdict.UNDECODED:
            continue
        if verdict == Verdict.DROPPED:
            detail = f"annotation {judged.tables.objects.ids[index]} has no width or no height"
        else:
            detail = str(judged.object_error(index))
        is_box = verdict == Verdict.UNDECODED and _OF_BOX.search(detail)
        kind = Kind.BOX_NOT_NUMBERS if is_box else _OF_OBJECTS[verdict]
        yield _file(judged, row), kind, detail


def _file(judged: Judged, row: int) -> str:
    """The image's file; the instances file where it tells none."""
    name = judged.tables.images.names[row] if row >= 0 else ""
    return str(judged.folder / name) if name else str(judged.path)
