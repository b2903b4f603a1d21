"""A COCO instances file as a few arrays and lists, decoded entry by entry.

Four fifths of such a file are polygons that a box detector never looks at. Decoded as a whole, COCO's training file
takes gigabytes as Python objects. Here the file is mapped into memory, cut into its entries without decoding them, and
each entry is decoded into the few fields that matter, checked for their types. So one wrong entry is one sentence that
names it, and all others can still be used.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from tqdm import tqdm

from lightweight_ssd.data.formats.json_decode import DECODE_ERRORS, decode_file, describe_error
from lightweight_ssd.system.plain_text import has_reference

__all__ = ["Categories", "Images", "Objects", "Tables", "read_categories", "read_tables"]

_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Side = Annotated[int, msgspec.Meta(ge=1, le=2**20)]  # OpenCV reads no larger image
_Flag = Literal[0, 1] | bool
_ENTRIES_WITHOUT_BAR = 200_000


class _File(msgspec.Struct):
    categories: list[msgspec.Raw]
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _FileOfCategories(msgspec.Struct):
    categories: list[msgspec.Raw]


class _Category(msgspec.Struct, gc=False):
    id: _Id
    name: Annotated[str, msgspec.Meta(min_length=1)]


class _Image(msgspec.Struct, gc=False):
    id: _Id
    file_name: Annotated[str, msgspec.Meta(min_length=1, pattern="^[^\0]*$")]
    width: _Side | None = None
    height: _Side | None = None


_Area = Annotated[float, msgspec.Meta(ge=0, le=2**40)]


class _Object(msgspec.Struct, gc=False):
    id: _Id
    image_id: _Id
    category_id: _Id
    bbox: tuple[float, float, float, float]
    area: _Area | None = None
    true_area: _Area | None = None
    iscrowd: _Flag = 0
    difficult: _Flag = 0


class _Named(msgspec.Struct, gc=False):
    id: _Id


class _OfImage(msgspec.Struct, gc=False):
    image_id: _Id


_Part = TypeVar("_Part", _Named, _OfImage)


class Categories(NamedTuple):
    """The classes, by rising id."""

    names: tuple[str, ...]
    ids: tuple[int, ...]


class Images(NamedTuple):
    """The images in the order of the file.

    Attributes:
        ids: As in the file.
        names: File names; empty where the entry is wrong.
        sizes: (height, width), pixels; zeros where the file does not give both.
        wrong: One sentence for each entry that could not be decoded, by its row.
    """

    ids: Int64[np.ndarray, " N"]
    names: list[str]
    sizes: Int32[np.ndarray, "N 2"]
    wrong: dict[int, str]


class Objects(NamedTuple):
    """The annotations in the order of the file.

    Attributes:
        ids: As in the file.
        image_ids: As in the file.
        category_ids: As in the file.
        boxes: x, y, width, height as in the file; finite.
        areas: The file's `true_area`, which a run's `ground_truth.json` has where `area` makes COCO's tool ignore an
            object, else its `area`; NaN where it has neither.
        crowd: The file's `iscrowd`.
        difficult: The file's `difficult`, which COCO does not know and this package writes.
        wrong: One sentence for each entry that could not be decoded, by its row; only its image's id holds.
    """

    ids: Int64[np.ndarray, " M"]
    image_ids: Int64[np.ndarray, " M"]
    category_ids: Int64[np.ndarray, " M"]
    boxes: Float64[np.ndarray, "M 4"]
    areas: Float64[np.ndarray, " M"]
    crowd: Bool[np.ndarray, " M"]
    difficult: Bool[np.ndarray, " M"]
    wrong: dict[int, str]


class Tables(NamedTuple):
    """What a file holds."""

    categories: Categories
    images: Images
    objects: Objects


def read_categories(path: Path) -> Categories:
    """The classes alone, without decoding anything else.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, or its categories are.
    """
    return _categories(decode_file(path, _FileOfCategories).categories, path)


def read_tables(path: Path) -> Tables:
    """Everything that matters for detection.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, its categories are, or an entry does not even say to which image it belongs.
    """
    file: _File = decode_file(path, _File)
    return Tables(_categories(file.categories, path), _images(file.images, path), _objects(file.annotations, path))


def _categories(entries: list[msgspec.Raw], path: Path) -> Categories:
    decoded = []
    for row, entry in enumerate(entries):
        try:
            decoded.append(msgspec.json.decode(entry, type=_Category))
        except DECODE_ERRORS as error:
            raise ValueError(_sentence("categories", row, path, error)) from error
        if has_reference(decoded[-1].name):
            raise ValueError(
                f"Expected the name of categories[{row}] of {path} without ${{…}}, which configurations replace by "
                f"something else, but got {decoded[-1].name!r}: rename it."
            )
    decoded.sort(key=lambda category: category.id)
    names, ids = tuple(each.name for each in decoded), tuple(each.id for each in decoded)
    if not ids or len(set(ids)) != len(ids) or len(set(names)) != len(names):
        got = ", ".join(f"{number} {name!r}" for number, name in zip(ids, names, strict=True)) or "none"
        raise ValueError(
            f"Expected categories with different ids and names in {path}, at least one, but got {got}: correct them."
        )
    return Categories(names, ids)


def _images(entries: list[msgspec.Raw], path: Path) -> Images:
    ids, names, sizes, wrong = array("q"), [], array("i"), {}
    decode = msgspec.json.Decoder(_Image).decode
    for row, entry in _with_bar(entries, f"{path.name}: images"):
        try:
            image = decode(entry)
        except DECODE_ERRORS as error:
            wrong[row] = _sentence("images", row, path, error)
            image = _Image(_peek(entry, _Named, wrong[row]).id, "", 1, 1)
        ids.append(image.id)
        names.append(image.file_name)
        sizes.extend((image.height, image.width) if image.height and image.width else (0, 0))
    return Images(np.array(ids, np.int64), names, np.array(sizes, np.int32).reshape(-1, 2), wrong)


def _objects(entries: list[msgspec.Raw], path: Path) -> Objects:
    numbers, boxes, areas, flags, wrong = array("q"), array("d"), array("d"), bytearray(), {}
    decode, nan = msgspec.json.Decoder(_Object).decode, float("nan")
    for row, entry in _with_bar(entries, f"{path.name}: objects"):
        try:
            one = decode(entry)
        except DECODE_ERRORS as error:
            wrong[row] = _sentence("annotations", row, path, error)
            one = _Object(0, _peek(entry, _OfImage, wrong[row]).image_id, 0, (0.0, 0.0, 1.0, 1.0))
        numbers.extend((one.id, one.image_id, one.category_id))
        boxes.extend(one.bbox)
        area = one.area if one.true_area is None else one.true_area
        areas.append(nan if area is None else area)
        flags.extend((one.iscrowd, one.difficult))
    ids, image_ids, category_ids = np.array(numbers, np.int64).reshape(-1, 3).T
    crowd, difficult = np.array(flags, np.uint8).astype(bool).reshape(-1, 2).T
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    return Objects(ids, image_ids, category_ids, corners, np.array(areas, np.float64), crowd, difficult, wrong)


def _with_bar(entries: list[msgspec.Raw], title: str) -> Iterator[tuple[int, msgspec.Raw]]:
    return enumerate(tqdm(entries, desc=title, unit="entry", disable=len(entries) <= _ENTRIES_WITHOUT_BAR))


def _peek(entry: msgspec.Raw, part: type[_Part], sentence: str) -> _Part:
    """The id in a wrong entry, without which it is unknown which image to leave out."""
    try:
        return msgspec.json.decode(entry, type=part)
    except DECODE_ERRORS as error:
        raise ValueError(sentence) from error


def _sentence(group: str, row: int, path: Path, error: Exception) -> str:
    return (
        f"Expected {group}[{row}] of {path} as COCO has it, but {describe_error(error)}: correct or remove the entry."
    )
