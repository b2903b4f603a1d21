"""Annotation files whose image is not there: often it was lost on the way, or saved in a format that is not read."""

from collections.abc import Collection, Iterable
from pathlib import Path

from lightweight_ssd.data.formats.image_files import walk
from lightweight_ssd.data.formats.voc_tree import Fault, parse_xml
from lightweight_ssd.data.formats.yolo_images import are_labels

__all__ = ["NO_IMAGE", "describe_unpaired", "files_below", "unpaired_labels", "unpaired_xml"]

NO_IMAGE = "no image has its name: put the image there, or remove this file"
_MOST_NAMED = 3


def unpaired_xml(files: Iterable[Path], used: Collection[Path | None]) -> list[Path]:
    """VOC annotations that no image has; other XML is none.

    Args:
        files: Of the folders of annotations, of any kind.
        used: Those of images.
    """
    left = (path for path in files if path.suffix == ".xml" and path not in used)
    return [path for path in left if not isinstance(parse_xml(path), Fault)]


def unpaired_labels(files: Iterable[Path], used: Collection[Path | None]) -> list[Path]:
    """YOLO's label files that no image has; lists of classes and notes are none, nor is an empty file elsewhere.

    Args:
        files: Of the folders of labels, of any kind.
        used: Those of images.
    """
    left = (path for path in files if path.suffix == ".txt" and path not in used)
    return [path for path in left if _is_label(path)]


def describe_unpaired(files: Collection[Path]) -> str:
    """One line for the user; empty where there are none.

    Example:
        >>> describe_unpaired([Path("xml/a.xml"), Path("xml/b.xml")])
        '2 annotation files without an image are left out: a.xml, b.xml'
    """
    if not files:
        return ""
    names = [path.name for path in files]
    shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    ending, verb = ("", "is") if len(names) == 1 else ("s", "are")
    return f"{len(names):,} annotation file{ending} without an image {verb} left out: {shown}"


def files_below(folder: Path) -> list[Path]:
    """All files of a folder and the folders in it, without hidden ones."""
    return [place / name for place, names in walk(folder) for name in names if not name.startswith(".")]


def _is_label(path: Path) -> bool:
    if not are_labels(path.parent, frozenset({path.stem})):
        return False
    return "labels" in path.parts or path.stat().st_size > 0
