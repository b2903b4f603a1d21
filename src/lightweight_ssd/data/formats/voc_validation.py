"""The rules of a VOC annotation file, in one place: what stands in the file, and a fault for everything that is wrong.

The reader raises the first fault, `lssd data check` lists all of them.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from lightweight_ssd.data.formats.voc_tree import Fault, FaultKind, parse_xml
from lightweight_ssd.data.nearest_name import nearest_name

__all__ = ["CORNERS", "FROM_ONE", "Fault", "FaultKind", "ParsedAnnotation", "parse_annotation"]

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FROM_ONE = np.array([1, 1, 0, 0], dtype=np.float64)
"""VOC counts pixels from 1 and a box's last pixel belongs to it: so much more than the edges of pixels from 0."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)  # float() takes 1_0 for ten
_LARGEST_SIDE = 2**20  # OpenCV reads no larger image
_OTHER_SHAPES = ("polygon", "robndbox", "mask", "point", "points", "polyline")
_FLAGS = {
    **dict.fromkeys(("", "0", "false", "no", "n", "f", "unspecified", "unknown", "none", "null"), 0),
    **dict.fromkeys(("1", "true", "yes", "y", "t"), 1),
}


class ParsedAnnotation(NamedTuple):
    """What stands in a file; arrays have a row for each object, and only where there is no fault do all of them hold.

    Attributes:
        size: (height, width), pixels; None where the file gives none that is usable.
        boxes: xyxy in continuous coordinates from 0, clipped to the image.
        labels: Class index; −1 for a name that is not among the classes.
        difficult: VOC's `difficult`.
        crowd: This package's own `crowd`, for COCO's crowd regions.
        areas: This package's own `area`, square pixels; NaN where the file gives none.
        faults: Everything that is wrong, in the order of the file.
        size_of_image: Whether the size is that of the image file, since the annotation gives none.
    """

    size: tuple[int, int] | None
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]
    crowd: Bool[np.ndarray, " N"]
    areas: Float32[np.ndarray, " N"]
    faults: tuple[Fault, ...]
    size_of_image: bool = False


def parse_annotation(
    path: Path, class_names: Sequence[str], box_tolerance: float = 1.0, origin: int = 1, image: Path | None = None
) -> ParsedAnnotation:
    """Reads one XML file to its end, whatever is wrong in it; raises nothing for it.

    Args:
        path: The XML file.
        class_names: The label of an object is its name's place among these.
        box_tolerance: Pixels by which a box may leave its image.
        origin: 1 where the file counts pixels from 1, as VOC does; 0 where corners are edges of pixels, from 0.
        image: The image file, which is asked for its size where the annotation has none.
    """
    root = parse_xml(path)
    if isinstance(root, Fault):
        nothing = _Size(None, ())
        return _read(path, ET.Element("annotation"), nothing, class_names, box_tolerance, 1)._replace(faults=(root,))
    return _read(path, root, _read_size(root, path, image), class_names, box_tolerance, origin)


class _Size(NamedTuple):
    size: tuple[int, int] | None
    faults: tuple[Fault, ...]
    of_image: bool = False


def _read(
    path: Path, root: ET.Element, size: _Size, class_names: Sequence[str], box_tolerance: float, origin: int
) -> ParsedAnnotation:
    elements = root.findall("object")
    texts = [_corners(element) for element in elements]
    boxes, kinds = _validate_boxes(_numbers(texts) - origin * FROM_ONE, size.size, box_tolerance)
    labels = np.array([_label(element, class_names) for element in elements], dtype=np.int64)
    difficult, crowd = (_flags(elements, name) for name in ("difficult", "crowd"))
    areas = np.array([_area(element) for element in elements], dtype=np.float64)
    faults = [*size.faults, *(() if elements else _hidden_objects(root, path))]
    box_faults = np.array([kind is not None for kind in kinds], dtype=bool)
    suspect = (labels < 0) | (difficult < 0) | (crowd < 0) | (areas < 0) | box_faults
    for index in np.flatnonzero(suspect).tolist():
        where = f"object {index + 1} of {path}"
        found = [*_element_faults(elements[index], class_names, where)]
        if kind := kinds[index]:
            found.append(_box_fault(kind, elements[index], size.size, box_tolerance, where))
        faults += [fault._replace(detail=f"object {index + 1}: {fault.detail}") for fault in found]
    arrays = boxes, labels, difficult == 1, crowd == 1, areas.astype(np.float32)
    return ParsedAnnotation(size.size, *arrays, tuple(faults), size.of_image)


def _hidden_objects(root: ET.Element, path: Path) -> Iterator[Fault]:
    """Objects that are not where VOC has them would make an image without objects, in silence."""
    for parent in root.iter():
        if parent.find("object") is not None:
            sentence = f"Expected <object> of {path} in <annotation> itself, but got it in <{parent.tag}>: move it up."
            yield Fault(FaultKind.MALFORMED, ValueError(sentence), f"<object> is in <{parent.tag}>")
            return


def _corners(element: ET.Element) -> list[str | None]:
    """The texts of an object's box; parts of it have boxes of their own, which are not asked for."""
    boxes = element.findall("bndbox")
    return [boxes[0].findtext(corner) for corner in CORNERS] if len(boxes) == 1 else [None] * 4


def _number(text: str | None) -> float:
    """A decimal number; NaN for anything else."""
    return float(text) if text and _NUMBER.fullmatch(text) else math.nan


def _numbers(texts: list[list[str | None]]) -> Float64[np.ndarray, "N 4"]:
    return np.array([[_number(text) for text in row] for row in texts], dtype=np.float64).reshape(-1, 4)


def _read_size(root: ET.Element, path: Path, image: Path | None) -> _Size:
    texts = [root.findtext(f"size/{name}") for name in ("width", "height")]
    width, height = (_number(text) for text in texts)
    if all(side.is_integer() and 0 < side <= _LARGEST_SIDE for side in (width, height)):
        return _Size((int(height), int(width)), ())
    missing = any(not (text or "").strip() for text in texts) or 0 in (width, height)
    if image is not None and missing and (size := _size_of(image)) is not None:
        return _Size(size, (), True)
    sentence = (
        f"Expected <size> with a positive <width> and <height> in {path}, but got {texts[0]!r} and {texts[1]!r}: "
        f"write the image's size in pixels there."
    )
    detail = "expected <size> with a positive <width> and <height>"
    return _Size(None, (Fault(FaultKind.NO_SIZE, ValueError(sentence), detail),))


def _size_of(image: Path) -> tuple[int, int] | None:
    from lightweight_ssd.data.images.header import read_size  # Pillow, which few files need

    return read_size(image)


def _name(element: ET.Element) -> str:
    return (element.findtext("name") or "").strip()


def _label(element: ET.Element, class_names: Sequence[str]) -> int:
    """−1 for an unknown class."""
    name = _name(element)
    return class_names.index(name) if name in class_names else -1


def _flags(elements: list[ET.Element], name: str) -> Int64[np.ndarray, " N"]:
    """0 or 1 for each object; −1 for what is neither."""
    return np.array([_flag(element.findtext(name)) for element in elements], dtype=np.int64)


def _flag(text: str | None) -> int:
    """Tools write numbers, words, or nothing."""
    plain = (text or "").strip().lower()
    known = _FLAGS.get(plain)
    if known is not None:
        return known
    number = _number(plain)
    return int(number) if number in (0, 1) else -1


def _area(element: ET.Element) -> float:
    """NaN where there is none, −1 for what is no area."""
    text = element.findtext("area")
    if text is None:
        return math.nan
    area = _number(text)
    return area if 0 <= area <= _LARGEST_SIDE**2 else -1.0


def _validate_boxes(
    boxes: Float64[np.ndarray, "N 4"], size: tuple[int, int] | None, tolerance: float
) -> tuple[Float32[np.ndarray, "N 4"], list[FaultKind | None]]:
    """The boxes clipped to their image, and what is wrong with each: the first that holds, in the order below."""
    height, width = size or (math.inf, math.inf)
    clipped = np.clip(boxes, 0, np.array([width, height, width, height]))
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are none
        rounded = clipped.astype(np.float32)  # before the area is looked at, since rounding may take it away
        found = {
            FaultKind.BOX_NOT_NUMBERS: ~np.isfinite(boxes).all(axis=1),
            FaultKind.BOX_INVERTED: (boxes[:, 2:] < boxes[:, :2]).any(axis=1),
            FaultKind.BOX_OUTSIDE: np.abs(clipped - boxes).max(axis=1) > tolerance,
            FaultKind.BOX_WITHOUT_AREA: (rounded[:, 2:] <= rounded[:, :2]).any(axis=1),
        }
    if not any(wrong.any() for wrong in found.values()):
        return rounded, [None] * len(boxes)
    return rounded, [next((kind for kind in found if found[kind][row]), None) for row in range(len(boxes))]


def _element_faults(element: ET.Element, class_names: Sequence[str], where: str) -> Iterator[Fault]:
    """What is wrong with an object, its box aside."""
    if _label(element, class_names) < 0:
        yield _class_fault(_name(element), class_names, where)
    for flag in ("difficult", "crowd"):
        if _flags([element], flag)[0] < 0:
            value = (element.findtext(flag) or "").strip()
            sentence = f"Expected <{flag}> to be 0 or 1, true or false in {where}, but got {value!r}: correct the file."
            yield Fault(FaultKind.WRONG_FLAG, ValueError(sentence), f"<{flag}> is {value!r}")
    if _area(element) < 0:
        value = element.findtext("area")
        sentence = f"Expected <area> in square pixels in {where}, but got {value!r}: correct or remove it."
        yield Fault(FaultKind.MALFORMED, ValueError(sentence), f"<area> is {value!r}")


def _class_fault(name: str, class_names: Sequence[str], where: str) -> Fault:
    near = nearest_name(name, class_names)
    hint = f"did you mean {near!r}? Correct" if near else "correct"
    sentence = (
        f"Expected the class of {where} to be one of {', '.join(class_names)}, but got {name!r}: {hint} the file, or "
        "add the name to data.class_names, which lists all names in the files; data.classes chooses some to train on."
    )
    return Fault(FaultKind.UNKNOWN_CLASS, ValueError(sentence), repr(name))


def _box_fault(
    kind: FaultKind, element: ET.Element, size: tuple[int, int] | None, tolerance: float, where: str
) -> Fault:
    if (count := len(element.findall("bndbox"))) != 1:
        shape = next((each.tag for each in element if each.tag in _OTHER_SHAPES), None)
        instead = str(count) if count else f"<{shape}> only" if shape else "none"
        sentence = f"Expected one <bndbox> in {where}, but it has {instead}: correct or remove the object."
        return Fault(kind, ValueError(sentence), f"<bndbox> expected once, but got {instead}")
    values = [text if text is None else text.strip() for text in _corners(element)]
    written = ", ".join(f"{corner}={value}" for corner, value in zip(CORNERS, values, strict=True))
    image = f"{size[1]}x{size[0]}" if size else "unknown size"
    if kind is FaultKind.BOX_NOT_NUMBERS:
        sentence = f"Expected four numbers in the <bndbox> of {where}, but got {written}: correct the file."
    elif kind is FaultKind.BOX_OUTSIDE:
        sentence = (
            f"Expected the box of {where} inside its image of {image} pixels, but got {written}: "
            f"correct the file, or allow more than {tolerance:g} pixels outside with data.box_tolerance."
        )
    else:
        sentence = (
            f"Expected the box of {where} to have an area, xmax ≥ xmin and ymax ≥ ymin, but got {written}: "
            f"correct or remove the object."
        )
    return Fault(kind, ValueError(sentence), f"{written} in {image}" if size else written)
