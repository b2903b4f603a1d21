"""One list of images of a VOC devkit, read to its end whatever is wrong in it, by the rules of training's reader."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.formats.voc_devkit import ListEntry, find_entries, find_year, read_ids
from lightweight_ssd.data.formats.voc_validation import FaultKind, parse_annotation
from lightweight_ssd.system.parallel import each_file

__all__ = ["check_voc_list"]


_KINDS = {
    FaultKind.MISSING: Kind.MISSING_ANNOTATION,
    FaultKind.MALFORMED: Kind.MALFORMED,
    FaultKind.DOCUMENT_TYPE: Kind.DOCUMENT_TYPE,
    FaultKind.NO_SIZE: Kind.NO_SIZE,
    FaultKind.UNKNOWN_CLASS: Kind.UNKNOWN_CLASS,
    FaultKind.WRONG_FLAG: Kind.WRONG_FLAG,
    FaultKind.BOX_NOT_NUMBERS: Kind.BOX_NOT_NUMBERS,
    FaultKind.BOX_INVERTED: Kind.BOX_INVERTED,
    FaultKind.BOX_OUTSIDE: Kind.BOX_OUTSIDE,
    FaultKind.BOX_WITHOUT_AREA: Kind.BOX_WITHOUT_AREA,
}


class _Report(NamedTuple):
    size: tuple[int, int] | None
    findings: list[tuple[Kind, str]]


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
    parsed = parse_annotation(entry.annotation, class_names, box_tolerance)
    return _Report(parsed.size, [(_KINDS[fault.kind], fault.detail) for fault in parsed.faults])
