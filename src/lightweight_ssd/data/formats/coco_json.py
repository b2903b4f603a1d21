"""A COCO instances file as a few arrays and lists, decoded entry by entry.

Four fifths of such a file are polygons that a box detector never looks at. Decoded as a whole, COCO's training file
takes gigabytes as Python objects. Here the file is mapped into memory, cut into its entries without decoding them, and
each entry is decoded into the few fields that matter, checked for their types. So one wrong entry is one sentence that
names it, and all others can still be used.
"""

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from tqdm import tqdm

from lightweight_ssd.data.formats.coco_categories import (
    Categories,
    decode_categories,
    number_texts,
    read_categories,
    usable_categories,
)
from lightweight_ssd.data.formats.coco_entries import (
    UNKNOWN_ID,
    CategoryEntry,
    ImageEntry,
    ObjectEntry,
    read_id,
    read_image,
    read_object,
)
from lightweight_ssd.data.formats.json_decode import DECODE_ERRORS, decode_file, describe_error

__all__ = ["Categories", "Images", "Objects", "Tables", "read_categories", "read_tables", "usable_categories"]

_ENTRIES_WITHOUT_BAR = 200_000


class _File(msgspec.Struct):
    categories: list[msgspec.Raw]
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class Images(NamedTuple):
    """The images in the order of the file.

    Attributes:
        ids: As in the file; those that are text are numbered in its order, above all others.
        names: File names; empty where the entry is wrong.
        sizes: (height, width), pixels; zeros where the file does not give both.
        wrong: One sentence for each entry that could not be decoded, by its row.
        texts: Numbers of the ids that are text.
    """

    ids: Int64[np.ndarray, " N"]
    names: list[str]
    sizes: Int32[np.ndarray, "N 2"]
    wrong: dict[int, str]
    texts: Mapping[str, int] = {}  # never changed


class Objects(NamedTuple):
    """The annotations in the order of the file.

    Attributes:
        ids: As in the file; `UNKNOWN_ID` where that has no number, which harms nothing.
        image_ids: As in the file; `UNKNOWN_ID` for a text that is no image's.
        category_ids: As in the file; `UNKNOWN_ID` for a text that is no category's.
        boxes: x, y, width, height as in the file; finite.
        areas: The file's `true_area`, which a run's `ground_truth.json` has where `area` makes COCO's tool ignore an
            object, else its `area`; NaN where it has neither.
        crowd: The file's `iscrowd`, or that of its `attributes`.
        difficult: The file's `difficult`, which COCO does not know and this package writes, or that of its
            `attributes`, as CVAT and Datumaro have it.
        wrong: One sentence for each entry that could not be decoded, by its row; only its image's id holds.
        in_attributes: Objects whose difficulty stands in `attributes` alone.
        from_polygons: Objects that have no box but a polygon.
    """

    ids: Int64[np.ndarray, " M"]
    image_ids: Int64[np.ndarray, " M"]
    category_ids: Int64[np.ndarray, " M"]
    boxes: Float64[np.ndarray, "M 4"]
    areas: Float64[np.ndarray, " M"]
    crowd: Bool[np.ndarray, " M"]
    difficult: Bool[np.ndarray, " M"]
    wrong: dict[int, str]
    in_attributes: int = 0
    from_polygons: int = 0


class Tables(NamedTuple):
    """What a file holds; its categories by rising id."""

    categories: list[CategoryEntry]
    images: Images
    objects: Objects


def read_tables(path: Path) -> Tables:
    """Everything that matters for detection.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed, its categories are, or an entry does not even say to which image it belongs.
    """
    file: _File = decode_file(path, _File)
    categories, numbers = decode_categories(file.categories, path)
    images = _images(file.images, path)
    return Tables(categories, images, _objects(file.annotations, path, images.texts, numbers))


def _images(entries: list[msgspec.Raw], path: Path) -> Images:
    ids, names, sizes, wrong, texts = array("q"), [], array("i"), {}, {}
    decode = msgspec.json.Decoder(ImageEntry).decode
    for row, entry in _with_bar(entries, f"{path.name}: images"):
        try:
            image = decode(entry)
        except DECODE_ERRORS:
            image = _other_image(entry, row, path, wrong, texts)
        ids.append(image.id)
        names.append(image.file_name)
        sizes.extend((image.height, image.width) if image.height and image.width else (0, 0))
    for row in texts:
        ids[row] = 0
    numbers = number_texts(list(texts.values()), ids)
    for row, text in texts.items():
        ids[row] = numbers[text]
    return Images(np.array(ids, np.int64), names, np.array(sizes, np.int32).reshape(-1, 2), wrong, numbers)


def _other_image(entry: msgspec.Raw, row: int, path: Path, wrong: dict[int, str], texts: dict[int, str]) -> ImageEntry:
    """An image that is not as COCO has it; one that is wrong is noted, and its id if that is a text."""
    try:
        image, text = read_image(entry)
    except DECODE_ERRORS as error:
        wrong[row] = _sentence("images", row, path, error)
        number, text = read_id(entry, "id")
        if number is None:
            raise ValueError(wrong[row]) from error
        image = ImageEntry(number, "", 1, 1)
    if text:
        texts[row] = text
    return image


def _objects(
    entries: list[msgspec.Raw], path: Path, images: Mapping[str, int], categories: Mapping[str, int]
) -> Objects:
    numbers, boxes, areas, flags, wrong = array("q"), array("d"), array("d"), bytearray(), {}
    decode, nan, in_attributes, from_polygons = msgspec.json.Decoder(ObjectEntry).decode, float("nan"), 0, 0
    for row, entry in _with_bar(entries, f"{path.name}: objects"):
        try:
            one = decode(entry)
        except DECODE_ERRORS:
            one, polygon = _other_object(entry, row, path, wrong, images, categories)
            from_polygons += polygon
        numbers.extend((one.id, one.image_id, one.category_id))
        boxes.extend(one.bbox)
        area = one.area if one.true_area is None else one.true_area
        areas.append(nan if area is None else area)
        if one.attributes is None:
            flags.extend((one.iscrowd, one.difficult))
        else:
            more = one.attributes
            flags.extend((one.iscrowd or more.iscrowd, one.difficult or more.difficult))
            in_attributes += more.difficult and not one.difficult
    ids, image_ids, category_ids = np.array(numbers, np.int64).reshape(-1, 3).T
    crowd, difficult = np.array(flags, np.uint8).astype(bool).reshape(-1, 2).T
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    return Objects(
        ids, image_ids, category_ids, corners, np.array(areas, np.float64), crowd, difficult, wrong,
        in_attributes, from_polygons,
    )  # fmt: skip


def _other_object(
    entry: msgspec.Raw,
    row: int,
    path: Path,
    wrong: dict[int, str],
    images: Mapping[str, int],
    categories: Mapping[str, int],
) -> tuple[ObjectEntry, bool]:
    """An annotation that is not as COCO has it, and whether its box is its polygon's; one that is wrong is noted."""
    try:
        return read_object(entry, images, categories)
    except DECODE_ERRORS as error:
        wrong[row] = _sentence("annotations", row, path, error)
        number, text = read_id(entry, "image_id")
        if number is None:
            raise ValueError(wrong[row]) from error
        return ObjectEntry(0, images.get(text, UNKNOWN_ID) if text else number, 0, (0.0, 0.0, 1.0, 1.0)), False


def _with_bar(entries: list[msgspec.Raw], title: str) -> Iterator[tuple[int, msgspec.Raw]]:
    return enumerate(tqdm(entries, desc=title, unit="entry", disable=len(entries) <= _ENTRIES_WITHOUT_BAR))


def _sentence(group: str, row: int, path: Path, error: Exception) -> str:
    return (
        f"Expected {group}[{row}] of {path} as COCO has it, but {describe_error(error)}: correct or remove the entry."
    )
