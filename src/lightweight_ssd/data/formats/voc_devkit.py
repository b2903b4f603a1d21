"""The splits of a devkit in the format of PASCAL VOC: found, read in parallel, and cached.

A devkit holds one folder per year, `VOC2007` say, with `JPEGImages`, `Annotations` and the lists of image ids in
`ImageSets/Main/<split>.txt`. Own data of one year may call its folder as it likes.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lightweight_ssd.data.formats.packed import PackedAnnotations, read_cached
from lightweight_ssd.data.formats.voc_xml import read_annotation, write_annotation
from lightweight_ssd.types import Annotation

__all__ = ["ListEntry", "find_entries", "find_year", "read_ids", "read_split", "write_split"]

_CACHE_FORMAT = 5  # raise it when the same files would be read into other arrays
_SUFFIXES = (".png", ".jpeg", ".jpg")  # of two images with one id the last kind wins
_FILES_PER_TASK = 64  # one file takes about 50 µs to read, less than it costs to hand it to another thread
_FILES_WITHOUT_BAR = 500  # read within a blink


class ListEntry(NamedTuple):
    """One line of a split's list and the two files that it names."""

    image_id: int
    annotation: Path
    image: Path


def read_split(
    root: str | Path,
    year: str,
    split: str,
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    cache_dir: str | Path | None = None,
    num_threads: int = 4,
    on_bad: str = "error",
) -> PackedAnnotations:
    """Reads the annotations of one split of one year; image ids are the line numbers in its list, from 1.

    Every file is checked before anything is returned. The first broken one is described, further ones are named.

    Args:
        root: The devkit, which holds the folders of the years.
        year: `2007` for the folder `VOC2007`; or a folder's whole name.
        split: Name of the list in `ImageSets/Main`, without `.txt`. A flag after an id, as in VOC's lists per class, is
            ignored.
        class_names: Name of each label.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence.
        cache_dir: Where the packed annotations are kept for the next time; None keeps none. A file that changes, comes
            or goes makes them outdated.
        num_threads: Files read at once. Parsing takes no profit from threads, waiting for a network drive does.
        on_bad: `error` raises for anything that is wrong. `skip` leaves the image out whole and says so in `skipped`:
            leaving out the object alone would teach that nothing is there. A repeated line is only reported.

    Raises:
        FileNotFoundError: The devkit, the year, the split, an annotation or an image is missing.
        ValueError: The list is empty or names an image twice, an annotation is wrong (see `read_annotation`), or no
            image is left.
    """
    entries, unusable = find_entries(find_year(Path(root), year), split)
    if unusable and (on_bad == "error" or not entries):
        raise unusable[0]

    def build() -> PackedAnnotations:
        results = _read_all(entries, class_names, box_tolerance, num_threads, f"{year} {split}")
        good = [result for result in results if isinstance(result, Annotation)]
        if on_bad == "error" or not good:
            _raise_first(entries, results)
        broken = [result for result in results if isinstance(result, Exception)]
        return PackedAnnotations.from_annotations(good, class_names, skipped=[str(one) for one in (*unusable, *broken)])

    if cache_dir is None:
        return build()
    settings = (_CACHE_FORMAT, tuple(class_names), float(box_tolerance), on_bad)
    name = _digest([repr((str(Path(root).resolve()), year, split, settings))])[:16]
    return read_cached(Path(cache_dir) / f"voc-{name}.arrays", _fingerprint(entries, unusable), build)


def write_split(
    root: str | Path,
    year: str,
    split: str,
    annotations: Sequence[Annotation] | PackedAnnotations,
    class_names: Sequence[str],
) -> None:
    """Writes a split's list and annotations into a devkit; the images are the caller's to write.

    Args:
        root: The devkit; folders are made where missing.
        year: `2007` for the folder `VOC2007`.
        split: Name of the list in `ImageSets/Main`, without `.txt`.
        annotations: Their images' file names, without suffix, become the ids.
        class_names: Name of each label.
    """
    folder = Path(root) / f"VOC{year}"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ids = [Path(annotation.path).stem for annotation in annotations]
    for name, annotation in zip(ids, annotations, strict=True):
        write_annotation(folder / "Annotations" / f"{name}.xml", annotation, class_names)
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")


def find_year(root: Path, year: str) -> Path:
    """The folder of one year in a devkit, such as `VOC2007`; FileNotFoundError says what is there instead."""
    if not root.is_dir():
        raise FileNotFoundError(
            f"Expected a VOC devkit at {root.absolute()}, a folder that holds VOC2007 or the like with JPEGImages, "
            f"Annotations and ImageSets/Main, but there is no such folder: put the devkit there or set "
            "data.root."
        )
    for folder in (root / f"VOC{year}", root / year):
        if (folder / "Annotations").is_dir():
            return folder.absolute()
    years = sorted(path.parent.name.removeprefix("VOC") for path in root.glob("*/Annotations"))
    raise FileNotFoundError(
        f"Expected the year {year!r} in the VOC devkit {root.absolute()}, but it has no folder VOC{year}/Annotations: "
        f"choose among {', '.join(years) or 'none'}, or put the year there."
    )


def find_entries(folder: Path, split: str) -> tuple[list[ListEntry], list[Exception]]:
    """The list's lines that have an image of their own, and what is wrong with the others."""
    list_file = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not list_file.is_file():
        names = sorted(path.stem for path in list_file.parent.glob("*.txt"))
        splits = ", ".join([name for name in names if "_" not in name] or names)  # without VOC's lists per class
        raise FileNotFoundError(
            f"Expected the list of images of the split {split!r} at {list_file}, but there is no such file: "
            f"choose among {splits or 'none'}, or write it, one image id a line."
        )
    ids, twice = read_ids(list_file)
    images = _list_images(folder / "JPEGImages")
    lines = [(row, name) for row, name in enumerate(ids, start=1) if name in images]
    entries = [ListEntry(row, folder / "Annotations" / f"{name}.xml", images[name]) for row, name in lines]
    missing = [name for name in ids if name not in images]
    problems: list[Exception] = [
        ValueError(f"Expected each image once in {list_file}, but {name!r} stands there twice: remove one.")
        for name in twice
    ]
    problems += [
        FileNotFoundError(
            f"Expected an image .jpg, .jpeg or .png for each id of {list_file} in {folder / 'JPEGImages'}, but "
            f"{name!r} has none ({len(missing)} of {len(ids)} have none): put it there or shorten the list."
        )
        for name in missing
    ]
    return entries, problems


def read_ids(list_file: Path) -> tuple[list[str], list[str]]:
    """The ids in the order of the list, each once, and those that stand there more than once."""
    lines = [line.strip() for line in list_file.read_text("utf-8-sig", errors="surrogateescape").splitlines()]
    counts = Counter(re.sub(r"\s+(-1|0|1)$", "", line) for line in lines if line)
    if not counts:
        raise ValueError(f"Expected one image id a line in {list_file}, but the list is empty: add ids to it.")
    return list(counts), [name for name, count in counts.items() if count > 1]


def _list_images(folder: Path) -> dict[str, Path]:
    """Each image of a folder by its name without suffix; one listing instead of three look-ups per image."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES] if folder.is_dir() else []
    return {path.stem: path for path in sorted(files, key=lambda path: _SUFFIXES.index(path.suffix.lower()))}


def _fingerprint(entries: list[ListEntry], unusable: list[Exception]) -> str:
    """Changes with any change of the list or of an annotation file, by size and time of change, not content."""
    return _digest([*map(_describe, entries), *map(str, unusable)])


def _describe(entry: ListEntry) -> str:
    try:
        stat = entry.annotation.stat()
    except FileNotFoundError:
        return f"{entry.annotation} is missing"  # its reader says so better
    return repr((str(entry.annotation), str(entry.image), stat.st_size, stat.st_mtime_ns))


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _read_all(
    entries: list[ListEntry], class_names: Sequence[str], box_tolerance: float, num_threads: int, title: str
) -> list[Annotation | Exception]:
    def read(entry: ListEntry) -> Annotation | Exception:
        try:
            return read_annotation(entry.annotation, entry.image, entry.image_id, class_names, box_tolerance)
        except (FileNotFoundError, ValueError) as error:
            return error

    def read_some(some: list[ListEntry]) -> list[Annotation | Exception]:
        return [read(entry) for entry in some]

    tasks = [entries[start : start + _FILES_PER_TASK] for start in range(0, len(entries), _FILES_PER_TASK)]
    hidden = len(entries) <= _FILES_WITHOUT_BAR
    results: list[Annotation | Exception] = []
    with (
        ThreadPoolExecutor(num_threads) as pool,
        tqdm(total=len(entries), desc=title, unit="file", disable=hidden) as bar,
    ):
        for some in pool.map(read_some, tasks):
            results.extend(some)
            bar.update(len(some))
    return results


def _raise_first(entries: list[ListEntry], results: list[Annotation | Exception]) -> None:
    """Raises the first error; the other broken files are named, so that all can be mended at once."""
    broken = [(entry, result) for entry, result in zip(entries, results, strict=True) if isinstance(result, Exception)]
    if not broken:
        return
    error = broken[0][1]
    names = [entry.annotation.name for entry, _ in broken[1:6]]
    more = f" ({len(broken) - 1} more files are wrong: {', '.join(names)}{', …' if len(broken) > 6 else ''})"
    raise type(error)(f"{error}{more if len(broken) > 1 else ''}") from error
