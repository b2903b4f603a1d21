"""The entries of an instances file: decoded strictly and fast, and where that fails, as labeling tools write them.

COCO's own files hold integers, numbers and 0 or 1. Tools add flags as text, floats, words or null, ids as text or
floats, sides of 0, boxes as text, or no box beside a polygon. What can mean one thing only is read as that. Everything
else stays an error of the entry, in the decoder's words.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

__all__ = [
    "UNKNOWN_ID", "CategoryEntry", "ImageEntry", "ObjectEntry", "read_category", "read_id", "read_image", "read_object",
]  # fmt: skip

UNKNOWN_ID = -(2**63)
"""Of an annotation without a number for its id, which nothing refers to; or of an image or category not listed."""

_Id = Annotated[int, msgspec.Meta(ge=-(2**63) + 1, le=2**63 - 1)]
_Reference = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Side = Annotated[int, msgspec.Meta(ge=1, le=2**20)]  # OpenCV reads no larger image
_Area = Annotated[float, msgspec.Meta(ge=0, le=2**40)]
_Flag = Literal[0, 1] | bool
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_TRUE, _FALSE = {"1", "true", "yes", "y", "t", "1.0"}, {"0", "false", "no", "n", "f", "0.0", ""}


class CategoryEntry(msgspec.Struct, gc=False):
    """One of `categories`."""

    id: _Id
    name: Annotated[str, msgspec.Meta(min_length=1)]
    supercategory: Any = None


class ImageEntry(msgspec.Struct, gc=False):
    """One of `images`; a side that is null is that of the image file."""

    id: _Id
    file_name: Annotated[str, msgspec.Meta(min_length=1, pattern="^[^\0]*$")]
    width: _Side | None = None
    height: _Side | None = None


class Attributes(msgspec.Struct, gc=False):
    """What CVAT and Datumaro write beside COCO's own fields."""

    difficult: _Flag = 0
    iscrowd: _Flag = 0


class ObjectEntry(msgspec.Struct, gc=False):
    """One of `annotations`."""

    id: _Reference
    image_id: _Reference
    category_id: _Reference
    bbox: tuple[float, float, float, float]
    area: _Area | None = None
    true_area: _Area | None = None
    iscrowd: _Flag = 0
    difficult: _Flag = 0
    attributes: Attributes | None = None


class _AnyCategory(msgspec.Struct):
    id: Any = msgspec.UNSET
    name: Any = msgspec.UNSET
    supercategory: Any = None


class _AnyImage(msgspec.Struct):
    id: Any = msgspec.UNSET
    file_name: Any = msgspec.UNSET
    width: Any = None
    height: Any = None


class _AnyObject(msgspec.Struct):
    id: Any = msgspec.UNSET
    image_id: Any = msgspec.UNSET
    category_id: Any = msgspec.UNSET
    bbox: Any = msgspec.UNSET
    segmentation: Any = None
    area: Any = None
    true_area: Any = None
    iscrowd: Any = None
    difficult: Any = None
    attributes: Any = None


class _AnyIds(msgspec.Struct):
    id: Any = None
    image_id: Any = None
    category_id: Any = None


_Loose = TypeVar("_Loose", _AnyCategory, _AnyImage, _AnyObject, _AnyIds)
_Numbers = Mapping[str, int]  # of ids that are text


def read_category(entry: msgspec.Raw) -> tuple[CategoryEntry, str]:
    """A category, and its id where that is a text without a number; its number is then unknown.

    Raises:
        msgspec.DecodeError: It is none, in the decoder's words.
    """
    loose = _decode(entry, _AnyCategory)
    number, text = _split_id(loose.id)
    name = str(loose.name) if isinstance(loose.name, int) and not isinstance(loose.name, bool) else loose.name
    return _convert({"id": number, "name": name, "supercategory": loose.supercategory}, CategoryEntry), text


def read_image(entry: msgspec.Raw) -> tuple[ImageEntry, str]:
    """An image, and its id where that is a text without a number; its number is then unknown.

    Raises:
        msgspec.DecodeError: It is none, in the decoder's words.
    """
    loose = _decode(entry, _AnyImage)
    number, text = _split_id(loose.id)
    sides = {"width": _side(loose.width), "height": _side(loose.height)}
    return _convert({"id": number, "file_name": loose.file_name, **sides}, ImageEntry), text


def read_object(entry: msgspec.Raw, images: _Numbers, categories: _Numbers) -> tuple[ObjectEntry, bool]:
    """An annotation, and whether its box is that of its polygon.

    Args:
        entry: As it stands in the file.
        images: Numbers of those images whose ids are text.
        categories: Numbers of those categories whose ids are text.

    Raises:
        msgspec.DecodeError: It is none, in the decoder's words.
    """
    loose = _decode(entry, _AnyObject)
    number, box = _whole(loose.id), _box(loose.bbox)
    polygon = _box_of_polygons(loose.segmentation) if box in (None, [], msgspec.UNSET) else None
    values = {
        "id": number if _is_number(number) else UNKNOWN_ID,
        "image_id": _reference(loose.image_id, images),
        "category_id": _reference(loose.category_id, categories),
        "bbox": box if polygon is None else polygon,
        "area": _optional(loose.area),
        "true_area": _optional(loose.true_area),
        "iscrowd": _flag(loose.iscrowd, "iscrowd"),
        "difficult": _flag(loose.difficult, "difficult"),
        "attributes": _attributes(loose.attributes),
    }
    return _convert(values, ObjectEntry), polygon is not None


def read_id(entry: msgspec.Raw, field: Literal["id", "image_id", "category_id"]) -> tuple[int | None, str]:
    """The id in an entry that may be wrong otherwise, and its text where that is no number; None where it has none."""
    try:
        number, text = _split_id(getattr(_decode(entry, _AnyIds), field))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, ""
    return (number if _is_number(number) else None), text


def _decode(entry: msgspec.Raw, kind: type[_Loose]) -> _Loose:
    return msgspec.json.Decoder(kind, float_hook=float).decode(entry)  # the hook: 1e999 is infinite, and no error


def _convert(values: Mapping[str, Any], kind: type[Any]) -> Any:
    return msgspec.convert({name: value for name, value in values.items() if value is not msgspec.UNSET}, kind)


def _split_id(value: Any) -> tuple[Any, str]:
    """A number, or a text that is none with an unknown number."""
    number = _whole(value)
    return (0, number) if isinstance(number, str) and number else (number, "")


def _reference(value: Any, numbers: _Numbers) -> Any:
    """The number of an image or category that an entry names."""
    number = _whole(value)
    return numbers.get(number, UNKNOWN_ID) if isinstance(number, str) else number


def _whole(value: Any) -> Any:
    """1 for 1.0 and "1"; anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _real(value: Any) -> Any:
    """A number for its text; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _optional(value: Any) -> Any:
    """None for what is not given: pandas writes NaN."""
    number = _real(value)
    return None if number == "" or (isinstance(number, float) and not math.isfinite(number)) else number


def _side(value: Any) -> Any:
    number = _whole(_optional(value))
    return None if number == 0 and not isinstance(number, bool) else number


def _flag(value: Any, field: str) -> bool:
    flag = value.strip().lower() if isinstance(value, str) else _optional(value)
    plain = flag is None or isinstance(flag, str | int | float)
    if plain and (flag is None or flag in _FALSE or flag == 0):
        return False
    if plain and (flag in _TRUE or flag == 1):
        return True
    raise msgspec.ValidationError(f"Expected 0, 1, true or false, got {value!r} - at `$.{field}`")


def _attributes(value: Any) -> dict[str, bool] | None:
    if not isinstance(value, dict):
        return None
    crowd = value.get("iscrowd", value.get("is_crowd"))
    return {
        "difficult": _flag(value.get("difficult"), "attributes.difficult"),
        "iscrowd": _flag(crowd, "attributes.iscrowd"),
    }


def _box(value: Any) -> Any:
    """Numbers for their texts; a list that stands in a text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    if not isinstance(value, list):
        return value
    numbers = [_real(one) for one in value]
    for place, number in enumerate(numbers):
        if isinstance(number, float) and not math.isfinite(number):
            raise msgspec.ValidationError(f"Number out of range - at `$.bbox[{place}]`")
    return numbers


def _box_of_polygons(value: Any) -> list[float] | None:
    """x, y, width, height around all polygons; None where there is none."""
    parts = value if isinstance(value, list) else []
    numbers = [_real(one) for part in parts for one in (part if isinstance(part, list) else [part])]
    plain = all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers)
    if len(numbers) < 4 or len(numbers) % 2 or not plain:
        return None
    xs, ys = numbers[::2], numbers[1::2]
    return [float(one) for one in (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))]
