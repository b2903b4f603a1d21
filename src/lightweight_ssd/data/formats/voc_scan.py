"""What VOC annotation files say about themselves: names of objects, marks of the tool, and how corners are written.

It is asked before the boxes can be read: where corners count from, and which classes there are.
"""

import hashlib
import os
import re
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from lightweight_ssd.data.formats.voc_files import ListEntry
from lightweight_ssd.data.formats.voc_tree import Fault, parse_xml
from lightweight_ssd.system.parallel import each_file

__all__ = ["OUR_MARK", "VOC_CLASS_NAMES", "Scan", "digest", "fingerprint", "folders_of", "genuine_folders", "scan"]

VOC_CLASS_NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""The classes of PASCAL VOC 2007 to 2012, in the order of their labels."""

OUR_MARK = "lightweight-ssd, pixels from 1"
"""What `voc_xml.write_annotation` writes into `<source>`'s `<annotation>`."""

_SAMPLE = 16  # files of a folder that are looked at to recognize a year of the VOC challenge
_GENUINE = re.compile(r"(The )?VOC20(0[5-9]|1[0-2])( Database)?")
_GENUINE_IDS = re.compile(r"\d{6}|20\d\d_\d{6}", re.ASCII)
_OLD_NUMBER = re.compile(r"[1-9]\d*(\.\d*[1-9]|\.\d0|\.\d{3}0)?", re.ASCII)
_OLD_OBJECT = re.compile(r"name difficult (crowd )?(area )?bndbox")


@dataclass
class Scan:
    """Counts over files.

    Attributes:
        names: Objects by the name of their class.
        files: Files that could be parsed.
        with_objects: Of these, those with an object.
        ours: Those with this package's own mark.
        like_ours: Those without any mark that are written as this package wrote them before it had one.
        supervision: Those with the mark of `supervision`: database `roboflow.ai`, folder `VOC`.
        clamped: Those with labelImg's mark, a database `Unknown` and nothing else; it writes 1 for a corner at 0.
        corners: Left and top corners, two for each box.
        below_one: Of these, those below 1.
        at_one: Those at exactly 1.
        decimals: Those of all four corners that are no whole numbers.
    """

    names: Counter[str] = field(default_factory=Counter)
    files: int = 0
    with_objects: int = 0
    ours: int = 0
    like_ours: int = 0
    supervision: int = 0
    clamped: int = 0
    corners: int = 0
    below_one: int = 0
    at_one: int = 0
    decimals: int = 0

    def add(self, other: "Scan") -> None:
        """Adds the counts of other files."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def scan(paths: Iterable[Path], num_threads: int = 4) -> Scan:
    """Counts over all files that are there; what cannot be parsed is left out, since its reader says so better."""
    files = tuple(path for path in dict.fromkeys(paths) if path.is_file())
    return _scan(files, fingerprint(ListEntry(0, path, path) for path in files), num_threads)


@lru_cache(maxsize=4)
def _scan(files: tuple[Path, ...], state: str, num_threads: int) -> Scan:
    """Once for files that do not change: the splits of a data set ask one after the other."""
    total = Scan()
    for one in each_file(_scan_file, files, num_threads, "looking at annotations", "threads"):
        total.add(one)
    return total


def genuine_folders(entries: Sequence[ListEntry]) -> frozenset[Path]:
    """Folders of XML files that are those of a year of the VOC challenge, 2007 to 2012, by a sample of each.

    Scripts that write VOC files often copy its mark, so names of images and classes must be VOC's, too.
    """
    by_folder: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        folder, _, name = str(entry.annotation or "").rpartition(os.sep)  # as text: a path for each takes long
        by_folder[folder].append(name)
    return frozenset(Path(folder) for folder, names in by_folder.items() if folder and _is_genuine(folder, names))


def folders_of(paths: Iterable[Path | None]) -> set[Path]:
    """The folders of many files."""
    return {Path(folder) for folder in {str(path).rpartition(os.sep)[0] for path in paths if path is not None}}


def _is_genuine(folder: str, names: Sequence[str]) -> bool:
    sample = [Path(folder, names[len(names) * place // _SAMPLE]) for place in range(_SAMPLE)]
    looks = [_looks_genuine(path) for path in dict.fromkeys(sample) if path.is_file()]
    return bool(looks) and all(looks)


def _looks_genuine(path: Path) -> bool:
    if not _GENUINE_IDS.fullmatch(path.stem) or isinstance(root := parse_xml(path), Fault):
        return False
    mark = (root.findtext("source/database") or root.findtext("folder") or "").strip()
    if not _GENUINE.fullmatch(mark) or not set(_names(root)) <= set(VOC_CLASS_NAMES):
        return False
    return not _scan_tree(root).below_one


def fingerprint(entries: Iterable[ListEntry], with_images: bool = False) -> str:
    """Changes with any change of a list or of an annotation file, by size and time of change, not content.

    Args:
        entries: Entries of the list.
        with_images: Whether a change of the image files counts, too.
    """
    return digest(_describe(entry, with_images) for entry in entries)


def digest(texts: Iterable[str]) -> str:
    """SHA-256 of lines of text."""
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _describe(entry: ListEntry, with_images: bool) -> str:
    files = [file for file in (entry.annotation, entry.image if with_images else None) if file is not None]
    return repr((str(entry.annotation), str(entry.image), *(_state(file) for file in files)))


def _state(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None  # its reader says so better
    return stat.st_size, stat.st_mtime_ns


def _scan_file(path: Path) -> Scan:
    root = parse_xml(path)
    return Scan() if isinstance(root, Fault) else _scan_tree(root)


def _scan_tree(root: ET.Element) -> Scan:
    boxes = [[element.findtext(f"bndbox/{corner}") or "" for corner in _CORNERS] for element in root.findall("object")]
    found = Scan(names=Counter(_names(root)), files=1, with_objects=bool(boxes))
    _add_marks(found, root, boxes)
    for box in boxes:
        _add_corners(found, box)
    return found


_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def _names(root: ET.Element) -> list[str]:
    return [name for element in root.findall("object") if (name := (element.findtext("name") or "").strip())]


def _add_marks(found: Scan, root: ET.Element, boxes: list[list[str]]) -> None:
    if not boxes:
        return
    database, source = ((root.findtext(f"source/{name}") or "").strip() for name in ("database", "annotation"))
    found.ours = source == OUR_MARK
    found.supervision = database == "roboflow.ai" and (root.findtext("folder") or "").strip() == "VOC"
    found.clamped = database == "Unknown" and not source
    found.like_ours = root.find("source") is None and _is_like_ours(root, boxes)


def _is_like_ours(root: ET.Element, boxes: list[list[str]]) -> bool:
    tags = [element.tag for element in root]
    if tags[:2] != ["filename", "size"] or set(tags[2:]) != {"object"} or root.findtext("size/depth") != "3":
        return False
    if not all(_OLD_NUMBER.fullmatch(corner) for box in boxes for corner in box):
        return False
    return all(_OLD_OBJECT.fullmatch(" ".join(each.tag for each in one)) for one in root.findall("object"))


def _add_corners(found: Scan, box: list[str]) -> None:
    try:
        values = [float(text) for text in box]
    except ValueError:
        return
    found.corners += 2
    found.below_one += sum(value < 1 for value in values[:2])
    found.at_one += sum(value == 1 for value in values[:2])
    found.decimals += sum(not value.is_integer() for value in values)
