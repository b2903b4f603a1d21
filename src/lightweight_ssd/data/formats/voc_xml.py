"""One annotation file in the format of PASCAL VOC: read with every value checked, and written."""

import difflib
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from jaxtyping import Bool, Float32

from lightweight_ssd.data.formats.float_text import shortest
from lightweight_ssd.types import Annotation

__all__ = ["read_annotation", "write_annotation"]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FROM_ONE = np.array([1, 1, 0, 0], dtype=np.float64)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)  # float() takes 1_0 for ten
_LARGEST_SIDE = 2**20  # OpenCV reads no larger image


def read_annotation(
    path: str | Path, image_path: str | Path, image_id: int, class_names: Sequence[str], box_tolerance: float = 1.0
) -> Annotation:
    """Reads one XML file; whatever is wrong in it is an error that names the file.

    VOC counts pixels from 1 and a box's last pixel belongs to it. In coordinates that start at 0 and mark the edges of
    pixels this subtracts 1 from xmin and ymin only.

    Two elements of an object are this package's own, since VOC has no place for what they keep of COCO:
    `<crowd>1</crowd>` marks a region of many objects, `<area>` is that of the object's mask.

    Args:
        path: The XML file.
        image_path: Its image, kept as it is; the file is not opened.
        image_id: Kept as it is.
        class_names: The label of an object is its name's place among these.
        box_tolerance: Pixels by which a box may leave the image and is clipped in silence; further out is an error.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The XML is malformed or declares a document type, the image's size is missing, a class is unknown,
            or a box is incomplete, inverted, of zero area or outside the image.
    """
    root = _parse(Path(path))
    width, height = _read_size(root, path)
    objects = root.findall("object")
    boxes = np.empty((len(objects), 4), dtype=np.float32)
    labels = np.empty(len(objects), dtype=np.int64)
    for index, element in enumerate(objects):
        where = f"object {index + 1} of {path}"
        labels[index] = _read_label(element, class_names, where)
        boxes[index] = _clip(_read_box(element, where), width, height, box_tolerance, where)
    difficult, crowd = (_read_flags(objects, name, path) for name in ("difficult", "crowd"))
    plain = Annotation.of_boxes(image_id, str(image_path), height, width, boxes, labels, difficult)
    return plain._replace(crowd=crowd, areas=_read_areas(objects, plain.areas, path))


def write_annotation(path: str | Path, annotation: Annotation, class_names: Sequence[str]) -> None:
    """Writes one annotation as VOC's XML, so that reading gives it back: boxes from 1, with the decimals they need.

    Args:
        path: The XML file to write; its folder must exist.
        annotation: What to write; of its image's path only the file name.
        class_names: Names of the labels.
    """
    objects = [_format_object(annotation, index, class_names) for index in range(len(annotation.boxes))]
    lines = [
        "<annotation>",
        f"  <filename>{escape(Path(annotation.path).name)}</filename>",
        f"  <size><width>{annotation.width}</width><height>{annotation.height}</height><depth>3</depth></size>",
        *objects,
        "</annotation>",
    ]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _format_object(annotation: Annotation, index: int, class_names: Sequence[str]) -> str:
    box = annotation.boxes[index]
    written = box.astype(np.float64) + _FROM_ONE
    values = [shortest(value, start) for value, start in zip(written, _FROM_ONE.tolist(), strict=True)]
    corners = "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(_CORNERS, values, strict=True))
    crowd = "<crowd>1</crowd>" if annotation.crowd[index] else ""
    own_area = annotation.areas[index] != (box[2:] - box[:2]).prod()
    area = f"<area>{shortest(annotation.areas[index])}</area>" if own_area else ""
    return (
        f"  <object><name>{escape(class_names[int(annotation.labels[index])])}</name>"
        f"<difficult>{int(annotation.difficult[index])}</difficult>{crowd}{area}<bndbox>{corners}</bndbox></object>"
    )


class _PlainTree(ET.TreeBuilder):
    """Builds the tree, but stops at a document type: its entities can blow a small file up, and no annotation needs it.

    Asking the parser, not searching the bytes, finds it in every encoding.
    """

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _DocumentTypeError


class _DocumentTypeError(Exception):
    pass


def _parse(path: Path) -> ET.Element:
    parser = ET.XMLParser(target=_PlainTree())
    try:
        parser.feed(path.read_bytes())
        return parser.close()
    except FileNotFoundError:
        raise FileNotFoundError(f"Expected an annotation at {path}, but there is no such file: put it there.") from None
    except OSError as error:
        raise ValueError(
            f"Expected a readable annotation at {path}, but {error.strerror}: make it readable."
        ) from error
    except _DocumentTypeError:
        raise ValueError(
            f"Expected a plain VOC annotation in {path}, but it declares a document type: remove it."
        ) from None
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two: an encoding that nobody knows
        raise ValueError(f"Expected well-formed XML in {path}, but {error}: correct or remove the file.") from error


def _number(text: str | None) -> float:
    """A decimal number; NaN for anything else."""
    return float(text) if text and _NUMBER.fullmatch(text) else math.nan


def _read_size(root: ET.Element, path: str | Path) -> tuple[int, int]:
    texts = [root.findtext(f"size/{name}") for name in ("width", "height")]
    width, height = (_number(text) for text in texts)
    if not all(side.is_integer() and 0 < side <= _LARGEST_SIDE for side in (width, height)):
        raise ValueError(
            f"Expected <size> with a positive <width> and <height> in {path}, but got {texts[0]!r} and {texts[1]!r}: "
            f"write the image's size in pixels there."
        )
    return int(width), int(height)


def _read_label(element: ET.Element, class_names: Sequence[str], where: str) -> int:
    name = (element.findtext("name") or "").strip()
    if name in class_names:
        return class_names.index(name)
    close = difflib.get_close_matches(name, class_names, n=1)
    hint = f"did you mean {close[0]!r}? Correct" if close else "correct"
    raise ValueError(
        f"Expected the class of {where} to be one of {', '.join(class_names)}, but got {name!r}: "
        f"{hint} the file, or add the name to data.class_names."
    )


def _read_box(element: ET.Element, where: str) -> np.ndarray:
    texts = [element.findtext(f"bndbox/{corner}") for corner in _CORNERS]
    box = np.array([_number(text) for text in texts]) - _FROM_ONE
    if not np.isfinite(box).all():
        values = ", ".join(f"{corner}={text}" for corner, text in zip(_CORNERS, texts, strict=True))
        raise ValueError(f"Expected four numbers in the <bndbox> of {where}, but got {values}: correct the file.")
    return box


def _clip(box: np.ndarray, width: int, height: int, tolerance: float, where: str) -> Float32[np.ndarray, " 4"]:
    limits = np.array([width, height, width, height])
    exact = np.clip(box, 0, limits)
    if np.abs(exact - box).max() > tolerance:
        raise ValueError(
            f"Expected the box of {where} inside its image of {width}x{height} pixels, but got {_written(box)}: "
            f"correct the file, or allow more than {tolerance:g} pixels outside with data.box_tolerance."
        )
    clipped = exact.astype(np.float32)  # before the area is looked at, since rounding may take it away
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        raise ValueError(
            f"Expected the box of {where} to have an area, xmax ≥ xmin and ymax ≥ ymin, but got {_written(box)}: "
            f"correct or remove the object."
        )
    return clipped


def _written(box: np.ndarray) -> str:
    """A box as it stands in its file."""
    return ", ".join(f"{name}={value:g}" for name, value in zip(_CORNERS, box + _FROM_ONE, strict=True))


def _read_flags(objects: list[ET.Element], name: str, path: str | Path) -> Bool[np.ndarray, " N"]:
    texts = [(element.findtext(name) or "0").strip() for element in objects]
    for text in texts:
        if text not in ("0", "1"):
            raise ValueError(f"Expected <{name}> to be 0 or 1 in {path}, but got {text!r}: correct the file.")
    return np.array([text == "1" for text in texts], dtype=bool)


def _read_areas(
    objects: list[ET.Element], of_boxes: Float32[np.ndarray, " N"], path: str | Path
) -> Float32[np.ndarray, " N"]:
    texts = [element.findtext("area") for element in objects]
    given = [box if text is None else _number(text) for box, text in zip(of_boxes, texts, strict=True)]
    areas = np.array(given, dtype=np.float64)
    if not ((areas >= 0) & (areas <= _LARGEST_SIDE**2)).all():
        raise ValueError(f"Expected <area> in square pixels in {path}, but got {texts}: correct or remove it.")
    return areas.astype(np.float32)
