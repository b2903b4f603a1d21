"""The class names of VOC data whose user names none."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.data.formats.voc_files import ListEntry
from lightweight_ssd.data.formats.voc_reading import count_class_names, read_labelmap
from lightweight_ssd.data.formats.voc_scan import VOC_CLASS_NAMES, folders_of, genuine_folders

__all__ = ["FoundNames", "find_class_names"]

_SHOWN = 20


class FoundNames(NamedTuple):
    """Class names and how they were found.

    Attributes:
        names: In the order of the labels.
        note: One line for the user; empty for those of the VOC challenge.
    """

    names: tuple[str, ...]
    note: str = ""


def find_class_names(entries: Sequence[ListEntry], root: Path, num_threads: int = 4) -> FoundNames:
    """The names that the objects of all splits have.

    The years of the VOC challenge have its 20 names, in its order. Otherwise names that stand in `labelmap.txt` come
    first, in its order, others follow by name; a name without any object is left out.

    Args:
        entries: Of all splits.
        root: Folder of the data, in which `labelmap.txt` may lie, or in that of a year.
        num_threads: Files read at once.

    Raises:
        ValueError: No file has an object.
    """
    genuine = genuine_folders(entries)
    folders = folders_of(entry.annotation for entry in entries)
    if folders and folders <= genuine:
        return FoundNames(VOC_CLASS_NAMES)
    counts = count_class_names(entries, num_threads)
    if not counts:
        raise ValueError(
            f"Expected objects with a <name> in the annotations of {root.absolute()}, but there are none in "
            f"{len(entries):,} images: correct the files, or name the classes, such as data.class_names=[cat,dog]."
        )
    listed = _of_labelmap(root, folders) if not genuine else VOC_CLASS_NAMES
    names = [name for name in listed if name in counts or genuine]
    names += sorted(counts.keys() - set(listed))
    unused = [name for name in listed if name not in names]
    return FoundNames(tuple(names), _note(names, counts, unused))


def _of_labelmap(root: Path, folders: set[Path]) -> tuple[str, ...]:
    places = dict.fromkeys([root.absolute(), *(folder.parent for folder in sorted(folders))])
    file = next((path for place in places if (path := place / "labelmap.txt").is_file()), None)
    return () if file is None else read_labelmap(file)


def _note(names: Sequence[str], counts: Counter[str], unused: Sequence[str]) -> str:
    shown = ", ".join(f"{name} {counts[name]:,}" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    left_out = f"; without an object and left out: {', '.join(unused[:_SHOWN])}" if unused else ""
    return f"class names found, with their objects: {shown}{more}{left_out}"
