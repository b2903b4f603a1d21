"""One list of images of a VOC devkit, read to its end whatever is wrong in it.

Training's readers stop at the first wrong thing. They are asked first, and what they accept is right; only what they
refuse is gone through here once more, to name everything that is wrong in it.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.formats.voc_devkit import ListEntry, find_entries, find_year, read_ids
from lightweight_ssd.data.formats.voc_xml import read_annotation
from lightweight_ssd.system.parallel import each_file

__all__ = ["check_voc_list"]

Finding = tuple[Kind, str]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class _Report(NamedTuple):
    size: tuple[int, int] | None
    findings: list[Finding]


def check_voc_list(
    root: str | Path,
    year: str,
    name: str,
    splits: Sequence[str],
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    num_threads: int = 4,
) -> Iterator[Problem | ListedImage]:
    """Yields every problem of a list and its annotations, and every image of it that has a file.

    Args:
        root: The devkit.
        year: `2007` for the folder `VOC2007`; or a folder's whole name.
        name: Name of the list in `ImageSets/Main`, without `.txt`.
        splits: What the list is used for: `train`, `val`, `test`.
        class_names: Name of each label.
        box_tolerance: Pixels by which a box may leave its image.
        num_threads: Annotation files read at once.
    """
    split, list_file = ", ".join(splits), Path(root).absolute() / f"VOC{year}/ImageSets/Main/{name}.txt"
    try:
        folder = find_year(Path(root), year)
        list_file = folder / "ImageSets" / "Main" / f"{name}.txt"
        entries, _ = find_entries(folder, name)
    except (FileNotFoundError, ValueError) as error:
        kind = Kind.MISSING_SPLIT if isinstance(error, FileNotFoundError) else Kind.EMPTY_SPLIT
        yield Problem(kind, split, str(list_file), str(error))
        return
    for kind, file, detail in _check_list(list_file, {entry.annotation.stem for entry in entries}):
        yield Problem(kind, split, str(file), detail)
    work = partial(_check_entry, class_names=tuple(class_names), box_tolerance=box_tolerance)
    reports = each_file(work, entries, num_threads, f"{year} {name}: annotations", "threads")
    for entry, report in zip(entries, reports, strict=True):
        yield ListedImage(str(entry.image), report.size, frozenset(splits))
        yield from (Problem(kind, split, str(entry.annotation), detail) for kind, detail in report.findings)


def _check_list(list_file: Path, found: set[str]) -> Iterator[tuple[Kind, Path, str]]:
    ids, repeated = read_ids(list_file)
    yield from ((Kind.DUPLICATE_IMAGE, list_file, f"{name!r} stands there more than once") for name in repeated)
    folder = list_file.parents[2] / "JPEGImages"
    yield from ((Kind.MISSING_IMAGE, folder / name, "no .jpg, .jpeg or .png") for name in ids if name not in found)


def _check_entry(entry: ListEntry, class_names: tuple[str, ...], box_tolerance: float) -> _Report:
    try:
        annotation = read_annotation(entry.annotation, entry.image, 1, class_names, box_tolerance)
    except FileNotFoundError:
        return _Report(None, [(Kind.MISSING_ANNOTATION, "there is no such file")])
    except ValueError as error:
        size, findings = _look_closer(entry.annotation, class_names, box_tolerance)
        return _Report(size, findings or [(Kind.MALFORMED, str(error))])
    return _Report((annotation.height, annotation.width), [])


def _look_closer(path: Path, class_names: tuple[str, ...], box_tolerance: float) -> _Report:
    """All that is wrong in an annotation that its reader refused."""
    try:
        data = path.read_bytes()
        _refuse_document_type(data)
        root = ET.fromstring(data)
    except _DocumentTypeError:
        return _Report(None, [(Kind.DOCUMENT_TYPE, "entities can blow a small file up, so none are read")])
    except (OSError, expat.ExpatError, ET.ParseError, LookupError, ValueError) as error:
        return _Report(None, [(Kind.MALFORMED, str(error))])
    size = _read_size(root)
    findings = [] if size else [(Kind.NO_SIZE, "expected <size> with a positive <width> and <height>")]
    for index, element in enumerate(root.findall("object"), start=1):
        details = _check_object(element, size, class_names, box_tolerance)
        findings += [(kind, f"object {index}: {detail}") for kind, detail in details]
    return _Report(size, findings)


class _DocumentTypeError(Exception):
    pass


def _refuse_document_type(data: bytes) -> None:
    """The parser itself says so, whatever the encoding; nothing is expanded before."""

    def refuse(*_: object) -> None:
        raise _DocumentTypeError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)


def _read_size(root: ET.Element) -> tuple[int, int] | None:
    width, height = (_number(root.findtext(f"size/{name}")) for name in ("width", "height"))
    if not (width.is_integer() and height.is_integer() and min(width, height) > 0):
        return None
    return int(height), int(width)


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _check_object(
    element: ET.Element, size: tuple[int, int] | None, class_names: tuple[str, ...], box_tolerance: float
) -> Iterator[Finding]:
    name = (element.findtext("name") or "").strip()
    if name not in class_names:
        yield Kind.UNKNOWN_CLASS, repr(name)
    for flag in ("difficult", "crowd"):
        value = (element.findtext(flag) or "0").strip()
        if value not in ("0", "1"):
            yield Kind.WRONG_FLAG, f"<{flag}> is {value!r}"
    texts = [element.findtext(f"bndbox/{corner}") for corner in _CORNERS]
    kind = _check_box([_number(text) for text in texts], size, box_tolerance)
    if kind:
        written = ", ".join(f"{corner}={text}" for corner, text in zip(_CORNERS, texts, strict=True))
        yield kind, f"{written} in {size[1]}x{size[0]}" if size else written


def _check_box(corners: list[float], size: tuple[int, int] | None, box_tolerance: float) -> Kind | None:
    if not all(map(math.isfinite, corners)):
        return Kind.BOX_NOT_NUMBERS
    left, top, right, bottom = box = (corners[0] - 1, corners[1] - 1, corners[2], corners[3])  # VOC counts from 1
    if right < left or bottom < top:
        return Kind.BOX_INVERTED
    height, width = size or (math.inf, math.inf)
    clipped = [min(max(value, 0), limit) for value, limit in zip(box, (width, height) * 2, strict=True)]
    if max(abs(value - inside) for value, inside in zip(box, clipped, strict=True)) > box_tolerance:
        return Kind.BOX_OUTSIDE
    return Kind.BOX_WITHOUT_AREA if clipped[2] <= clipped[0] or clipped[3] <= clipped[1] else None
