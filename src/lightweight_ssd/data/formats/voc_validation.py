"""The rules of a VOC annotation file, in one place: what stands in the file, and a fault for everything that is wrong.

The reader raises the first fault, `lssd data check` lists all of them.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from lightweight_ssd.data.nearest_name import nearest_name

__all__ = ["CORNERS", "FROM_ONE", "Fault", "FaultKind", "ParsedAnnotation", "parse_annotation"]

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FROM_ONE = np.array([1, 1, 0, 0], dtype=np.float64)
"""VOC counts pixels from 1 and a box's last pixel belongs to it: so much more than the edges of pixels from 0."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)  # float() takes 1_0 for ten
_LARGEST_SIDE = 2**20  # OpenCV reads no larger image


class FaultKind(Enum):
    """What can be wrong with an annotation file."""

    MISSING = auto()
    MALFORMED = auto()  # no XML, or an element that has no kind of its own
    DOCUMENT_TYPE = auto()
    NO_SIZE = auto()
    UNKNOWN_CLASS = auto()
    WRONG_FLAG = auto()
    BOX_NOT_NUMBERS = auto()
    BOX_INVERTED = auto()
    BOX_OUTSIDE = auto()
    BOX_WITHOUT_AREA = auto()


class Fault(NamedTuple):
    """One thing that is wrong.

    Attributes:
        kind: What.
        error: What the reader raises: a sentence that names the file, what was expected, what came and what to do.
        detail: In a few words, for a list that names the file already.
    """

    kind: FaultKind
    error: Exception
    detail: str


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
    """

    size: tuple[int, int] | None
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]
    crowd: Bool[np.ndarray, " N"]
    areas: Float32[np.ndarray, " N"]
    faults: tuple[Fault, ...]


def parse_annotation(path: Path, class_names: Sequence[str], box_tolerance: float = 1.0) -> ParsedAnnotation:
    """Reads one XML file to its end, whatever is wrong in it; raises nothing for it.

    Args:
        path: The XML file.
        class_names: The label of an object is its name's place among these.
        box_tolerance: Pixels by which a box may leave its image.
    """
    root = _parse(path)
    if isinstance(root, Fault):
        return _read(path, ET.Element("annotation"), class_names, box_tolerance)._replace(faults=(root,))
    return _read(path, root, class_names, box_tolerance)


class _PlainTree(ET.TreeBuilder):
    """Builds the tree, but stops at a document type: its entities can blow a small file up, and no annotation needs it.

    Asking the parser, not searching the bytes, finds it in every encoding.
    """

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _DocumentTypeError


class _DocumentTypeError(Exception):
    pass


def _parse(path: Path) -> ET.Element | Fault:
    parser = ET.XMLParser(target=_PlainTree())
    try:
        parser.feed(path.read_bytes())
        return parser.close()
    except FileNotFoundError:
        sentence = f"Expected an annotation at {path}, but there is no such file: put it there."
        return Fault(FaultKind.MISSING, FileNotFoundError(sentence), "there is no such file")
    except OSError as error:
        sentence = f"Expected a readable annotation at {path}, but {error.strerror}: make it readable."
        return Fault(FaultKind.MALFORMED, ValueError(sentence), str(error))
    except _DocumentTypeError:
        sentence = f"Expected a plain VOC annotation in {path}, but it declares a document type: remove it."
        detail = "entities can blow a small file up, so none are read"
        return Fault(FaultKind.DOCUMENT_TYPE, ValueError(sentence), detail)
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two: an unknown encoding
        sentence = f"Expected well-formed XML in {path}, but {error}: correct or remove the file."
        return Fault(FaultKind.MALFORMED, ValueError(sentence), str(error))


def _read(path: Path, root: ET.Element, class_names: Sequence[str], box_tolerance: float) -> ParsedAnnotation:
    elements = root.findall("object")
    size, size_faults = _read_size(root, path)
    texts = [[element.findtext(f"bndbox/{corner}") for corner in CORNERS] for element in elements]
    boxes, kinds = _validate_boxes(_numbers(texts) - FROM_ONE, size, box_tolerance)
    labels = np.array([_label(element, class_names) for element in elements], dtype=np.int64)
    difficult, crowd = (_flags(elements, name) for name in ("difficult", "crowd"))
    areas = np.array([_area(element) for element in elements], dtype=np.float64)
    faults = list(size_faults)
    box_faults = np.array([kind is not None for kind in kinds], dtype=bool)
    suspect = (labels < 0) | (difficult < 0) | (crowd < 0) | (areas < 0) | box_faults
    for index in np.flatnonzero(suspect).tolist():
        where = f"object {index + 1} of {path}"
        found = [*_element_faults(elements[index], class_names, where)]
        if kind := kinds[index]:
            found.append(_box_fault(kind, texts[index], size, box_tolerance, where))
        faults += [fault._replace(detail=f"object {index + 1}: {fault.detail}") for fault in found]
    return ParsedAnnotation(size, boxes, labels, difficult == 1, crowd == 1, areas.astype(np.float32), tuple(faults))


def _number(text: str | None) -> float:
    """A decimal number; NaN for anything else."""
    return float(text) if text and _NUMBER.fullmatch(text) else math.nan


def _numbers(texts: list[list[str | None]]) -> Float64[np.ndarray, "N 4"]:
    return np.array([[_number(text) for text in row] for row in texts], dtype=np.float64).reshape(-1, 4)


def _read_size(root: ET.Element, path: Path) -> tuple[tuple[int, int] | None, list[Fault]]:
    texts = [root.findtext(f"size/{name}") for name in ("width", "height")]
    width, height = (_number(text) for text in texts)
    if all(side.is_integer() and 0 < side <= _LARGEST_SIDE for side in (width, height)):
        return (int(height), int(width)), []
    sentence = (
        f"Expected <size> with a positive <width> and <height> in {path}, but got {texts[0]!r} and {texts[1]!r}: "
        f"write the image's size in pixels there."
    )
    detail = "expected <size> with a positive <width> and <height>"
    return None, [Fault(FaultKind.NO_SIZE, ValueError(sentence), detail)]


def _name(element: ET.Element) -> str:
    return (element.findtext("name") or "").strip()


def _label(element: ET.Element, class_names: Sequence[str]) -> int:
    """−1 for an unknown class."""
    name = _name(element)
    return class_names.index(name) if name in class_names else -1


def _flags(elements: list[ET.Element], name: str) -> Int64[np.ndarray, " N"]:
    """0 or 1 for each object; −1 for what is neither."""
    values = {"0": 0, "1": 1}
    texts = ((element.findtext(name) or "0").strip() for element in elements)
    return np.array([values.get(text, -1) for text in texts], dtype=np.int64)


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
            sentence = f"Expected <{flag}> to be 0 or 1 in {where}, but got {value!r}: correct the file."
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
    kind: FaultKind, texts: list[str | None], size: tuple[int, int] | None, tolerance: float, where: str
) -> Fault:
    values = [text if text is None else text.strip() for text in texts]
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
