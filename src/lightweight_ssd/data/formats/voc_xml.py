"""One annotation file in the format of PASCAL VOC: read with every value checked, and written."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from lightweight_ssd.data.formats.float_text import shortest
from lightweight_ssd.data.formats.voc_scan import OUR_MARK
from lightweight_ssd.data.formats.voc_validation import CORNERS, FROM_ONE, ParsedAnnotation, parse_annotation
from lightweight_ssd.types import Annotation

__all__ = ["read_annotation", "to_annotation", "write_annotation"]


def read_annotation(
    path: str | Path,
    image_path: str | Path,
    image_id: int,
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    origin: int = 1,
) -> Annotation:
    """Reads one XML file; whatever is wrong in it is an error that names the file.

    VOC counts pixels from 1 and a box's last pixel belongs to it. In coordinates that start at 0 and mark the edges of
    pixels this subtracts 1 from xmin and ymin only. Other tools write these coordinates themselves, with origin 0.

    Two elements of an object are this package's own, since VOC has no place for what they keep of COCO:
    `<crowd>1</crowd>` marks a region of many objects, `<area>` is that of the object's mask.

    Args:
        path: The XML file.
        image_path: Its image, kept as it is; the file is opened only where the annotation has no size.
        image_id: Kept as it is.
        class_names: The label of an object is its name's place among these.
        box_tolerance: Pixels by which a box may leave the image and is clipped in silence; further out is an error.
        origin: 1 where the file counts pixels from 1, or 0; `origin.decide_origin` finds out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The XML is malformed or declares a document type, the image's size is in neither file, a class is
            unknown, or a box is incomplete, inverted, of zero area or outside the image.
    """
    parsed = parse_annotation(Path(path), class_names, box_tolerance, origin, Path(image_path))
    return to_annotation(parsed, image_path, image_id)


def to_annotation(parsed: ParsedAnnotation, image_path: str | Path, image_id: int) -> Annotation:
    """What was parsed, as training uses it.

    Args:
        parsed: A file.
        image_path: Its image.
        image_id: Kept as it is.

    Raises:
        FileNotFoundError, ValueError: The first fault of the file.
    """
    if parsed.faults or parsed.size is None:
        raise parsed.faults[0].error
    boxes, (height, width) = parsed.boxes, parsed.size
    plain = Annotation.of_boxes(image_id, str(image_path), height, width, boxes, parsed.labels, parsed.difficult)
    areas = np.where(np.isnan(parsed.areas), plain.areas, parsed.areas)
    return plain._replace(crowd=parsed.crowd, areas=areas)


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
        f"  <source><annotation>{OUR_MARK}</annotation></source>",
        f"  <size><width>{annotation.width}</width><height>{annotation.height}</height><depth>3</depth></size>",
        *objects,
        "</annotation>",
    ]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _format_object(annotation: Annotation, index: int, class_names: Sequence[str]) -> str:
    box = annotation.boxes[index]
    written = box.astype(np.float64) + FROM_ONE
    values = [shortest(value, start) for value, start in zip(written, FROM_ONE.tolist(), strict=True)]
    corners = "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(CORNERS, values, strict=True))
    crowd = "<crowd>1</crowd>" if annotation.crowd[index] else ""
    own_area = annotation.areas[index] != (box[2:] - box[:2]).prod()
    area = f"<area>{shortest(annotation.areas[index])}</area>" if own_area else ""
    return (
        f"  <object><name>{escape(class_names[int(annotation.labels[index])])}</name>"
        f"<difficult>{int(annotation.difficult[index])}</difficult>{crowd}{area}<bndbox>{corners}</bndbox></object>"
    )
