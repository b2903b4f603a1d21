"""One list of images of a VOC devkit, read to its end whatever is wrong in it, by the rules of training's reader."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.formats.origin import Origin, decide_origin
from lightweight_ssd.data.formats.unpaired import NO_IMAGE
from lightweight_ssd.data.formats.voc_devkit import ListEntry, find_entries, find_year
from lightweight_ssd.data.formats.voc_scan import genuine_folders
from lightweight_ssd.data.formats.voc_splits import lone_year
from lightweight_ssd.data.formats.voc_tree import Fault, FaultKind
from lightweight_ssd.data.formats.voc_validation import parse_annotation
from lightweight_ssd.system.parallel import each_file
from lightweight_ssd.types import SPLITS

__all__ = ["check_voc_entries", "check_voc_list", "check_voc_source"]


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
    has_file: bool = True


def check_voc_source(source: Any) -> Iterator[Problem | ListedImage]:
    """Yields every problem of the lists and annotations of VOC data, and every image of its splits.

    Args:
        source: A `data.voc.VOC`.
    """
    names = _names(source)
    settings = (names, source.box_tolerance, source.num_threads, source.origin, source.all_entries)
    lists: dict[tuple[str, str], list[str]] = {}
    others: dict[str, list[str]] = {}
    for split in SPLITS:
        of = source.lists_of(split)
        chosen = source.splits[of]
        if not chosen:
            yield Problem(Kind.EMPTY_SPLIT, split, "", f"no list is chosen: set data.{split}.2007={split}")
        elif isinstance(chosen, str) or source.places.images is not None or lone_year(source.places, chosen):
            others.setdefault(of, []).append(split)
        else:
            for one in ((year, name) for year, listed in chosen.items() for name in listed):
                lists.setdefault(one, []).append(split)
    for (year, name), splits in lists.items():  # what two splits use is checked once
        yield from check_voc_list(source.root, year, name, splits, *settings)
    for of, splits in others.items():
        yield from _check_parts(source, of, splits, settings)
    for path, of in source.unpaired.items():
        splits = [split for split in SPLITS if source.lists_of(split) == of]
        yield Problem(Kind.MISSING_IMAGE, ", ".join(splits), str(path), NO_IMAGE)
    if not names:
        detail = "no class names were found, since no annotation has an object"
        yield Problem(Kind.NO_OBJECTS, "train", str(source.root), detail)


def _names(source: Any) -> tuple[str, ...]:
    """Empty where there are none to find: then what is missing is said by the lists."""
    try:
        return source.all_class_names
    except (FileNotFoundError, ValueError):
        return ()


def _check_parts(
    source: Any, of: str, splits: Sequence[str], settings: tuple[Any, ...]
) -> Iterator[Problem | ListedImage]:
    """Of splits that take their images from those of one, whose lists are no lists of several years."""
    split = ", ".join(splits)
    try:
        parts = list(source.parts(of))
    except (FileNotFoundError, ValueError) as error:
        yield Problem(Kind.MISSING_SPLIT, split, str(source.root.absolute()), str(error))
        return
    for part in parts:
        yield from (_list_problem(fault, part.source, part.source, split) for fault in part.faults)
        yield from check_voc_entries(part.entries, splits, *settings, title=f"{part.title}: annotations")


def check_voc_list(
    root: str | Path,
    year: str,
    name: str,
    splits: Sequence[str],
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    num_threads: int = 4,
    origin: Origin | str | int = "auto",
    all_entries: Sequence[ListEntry] = (),
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
        origin: Where boxes count from: `auto`, 0, 1, or what was decided.
        all_entries: Of all splits, which decide about `auto`.
    """
    split, list_file = ", ".join(splits), Path(root).absolute() / f"VOC{year}/ImageSets/Main/{name}.txt"
    try:
        folder = find_year(Path(root), year)
        list_file = folder / "ImageSets" / "Main" / f"{name}.txt"
        entries, faults = find_entries(folder, name)
    except (FileNotFoundError, ValueError) as error:
        kind = Kind.MISSING_SPLIT if isinstance(error, FileNotFoundError) else Kind.EMPTY_SPLIT
        yield Problem(kind, split, str(list_file), str(error))
        return
    yield from (_list_problem(fault, list_file, folder / "JPEGImages", split) for fault in faults)
    title = f"{year} {name}: annotations"
    yield from check_voc_entries(entries, splits, class_names, box_tolerance, num_threads, origin, all_entries, title)


def check_voc_entries(
    entries: Sequence[ListEntry],
    splits: Sequence[str],
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    num_threads: int = 4,
    origin: Origin | str | int = "auto",
    all_entries: Sequence[ListEntry] = (),
    title: str = "annotations",
) -> Iterator[Problem | ListedImage]:
    """Yields every problem of the annotations of some images, and the images.

    An image without an XML file has no objects, unless it is one of the VOC challenge or no other image has one.

    Args:
        entries: The images.
        splits: What they are used for: `train`, `val`, `test`.
        class_names: Name of each label.
        box_tolerance: Pixels by which a box may leave its image.
        num_threads: Annotation files read at once.
        origin: Where boxes count from: `auto`, 0, 1, or what was decided.
        all_entries: Of all splits, which decide about `auto`; none = `entries` alone.
        title: Of the progress bar.
    """
    voters = [*all_entries] or [*entries]
    decided = origin if isinstance(origin, Origin) else decide_origin(voters, origin, num_threads)
    genuine, split = genuine_folders(voters), ", ".join(splits)
    work = partial(_check_entry, class_names=tuple(class_names), box_tolerance=box_tolerance, origin=decided)
    reports = list(each_file(work, entries, num_threads, title, "threads"))
    if entries and not any(report.has_file for report in reports):
        folder = (entries[0].annotation or entries[0].image).parent
        detail = f"none of {len(entries):,} images has an XML file; set data.annotations to their folder"
        yield Problem(Kind.MISSING_SPLIT, split, str(folder), detail)
    for entry, report in zip(entries, reports, strict=True):
        yield ListedImage(str(entry.image), report.size, frozenset(splits))
        path = entry.annotation or entry.image
        if report.has_file:
            yield from (Problem(kind, split, str(path), detail) for kind, detail in report.findings)
        elif path.parent in genuine:
            yield Problem(Kind.MISSING_ANNOTATION, split, str(path), "there is no such file")


def _list_problem(fault: Fault, list_file: Path, images: Path, split: str) -> Problem:
    if fault.kind is FaultKind.MISSING_IMAGE:
        return Problem(Kind.MISSING_IMAGE, split, str(images / fault.detail), "no .jpg, .jpeg or .png")
    return Problem(Kind.DUPLICATE_IMAGE, split, str(list_file), f"{fault.detail!r} stands there more than once")


def _check_entry(entry: ListEntry, class_names: tuple[str, ...], box_tolerance: float, origin: Origin) -> _Report:
    if entry.annotation is None or not entry.annotation.exists():
        return _Report(None, [], has_file=False)
    path = entry.annotation
    parsed = parse_annotation(path, class_names, box_tolerance, origin.of(path), entry.image)
    found = [(Kind.SIZE_FROM_FILE, "<size> is missing")] if parsed.size_of_image else []
    return _Report(parsed.size, found + [(_KINDS[fault.kind], fault.detail) for fault in parsed.faults])
