"""The splits of a devkit in the format of PASCAL VOC: found, read in parallel, and cached.

A devkit holds one folder per year, `VOC2007` say, with `JPEGImages`, `Annotations` and the lists of image ids in
`ImageSets/Main/<split>.txt`. Own data of one year may call its folder as it likes.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lightweight_ssd.annotations import PackedAnnotations, read_cached
from lightweight_ssd.types import Annotation
from lightweight_ssd.voc_xml import read_annotation, write_annotation

__all__ = ["read_split", "write_split"]

_CACHE_FORMAT = 2  # raise it when the same files would be read into other arrays
_SUFFIXES = (".png", ".jpeg", ".jpg")  # of two images with one id the last kind wins
_FILES_PER_TASK = 64  # one file takes about 50 µs to read, less than it costs to hand it to another thread
_FILES_WITHOUT_BAR = 500  # read within a blink


class _Entry(NamedTuple):
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

    Raises:
        FileNotFoundError: The devkit, the year, the split, an annotation or an image is missing.
        ValueError: The list is empty or names an image twice, or an annotation is wrong (see `read_annotation`).
    """
    entries = _find_entries(_find_year(Path(root), year), split)

    def build() -> PackedAnnotations:
        annotations = _read_all(entries, class_names, box_tolerance, num_threads, f"{year} {split}")
        return PackedAnnotations.from_annotations(annotations, class_names)

    if cache_dir is None:
        return build()
    settings = (_CACHE_FORMAT, tuple(class_names), float(box_tolerance))
    name = _digest([repr((str(Path(root).resolve()), year, split, settings))])[:16]
    return read_cached(Path(cache_dir) / f"voc-{name}.npz", _fingerprint(entries), build)


def write_split(
    root: str | Path, year: str, split: str, annotations: Sequence[Annotation], class_names: Sequence[str]
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


def _find_year(root: Path, year: str) -> Path:
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


def _find_entries(folder: Path, split: str) -> list[_Entry]:
    list_file = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not list_file.is_file():
        names = sorted(path.stem for path in list_file.parent.glob("*.txt"))
        splits = ", ".join([name for name in names if "_" not in name] or names)  # without VOC's lists per class
        raise FileNotFoundError(
            f"Expected the list of images of the split {split!r} at {list_file}, but there is no such file: "
            f"choose among {splits or 'none'}, or write it, one image id a line."
        )
    ids = _read_ids(list_file)
    images = _list_images(folder / "JPEGImages")
    missing = [name for name in ids if name not in images]
    if missing:
        raise FileNotFoundError(
            f"Expected an image .jpg, .jpeg or .png for each id of {list_file} in {folder / 'JPEGImages'}, but "
            f"{len(missing)} of {len(ids)} have none, the first is {missing[0]!r}: put them there or shorten the list."
        )
    return [_Entry(row, folder / "Annotations" / f"{name}.xml", images[name]) for row, name in enumerate(ids, start=1)]


def _read_ids(list_file: Path) -> list[str]:
    lines = [line.strip() for line in list_file.read_text("utf-8-sig", errors="surrogateescape").splitlines()]
    ids = [re.sub(r"\s+(-1|0|1)$", "", line) for line in lines if line]
    if not ids:
        raise ValueError(f"Expected one image id a line in {list_file}, but the list is empty: add ids to it.")
    if len(set(ids)) != len(ids):
        twice = next(name for row, name in enumerate(ids) if name in ids[:row])
        raise ValueError(f"Expected each image once in {list_file}, but {twice!r} stands there twice: remove one.")
    return ids


def _list_images(folder: Path) -> dict[str, Path]:
    """Each image of a folder by its name without suffix; one listing instead of three look-ups per image."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES] if folder.is_dir() else []
    return {path.stem: path for path in sorted(files, key=lambda path: _SUFFIXES.index(path.suffix.lower()))}


def _fingerprint(entries: list[_Entry]) -> str:
    """Changes with any change of the list or of an annotation file, told by size and time of change, not content."""
    return _digest(_describe(entry) for entry in entries)


def _describe(entry: _Entry) -> str:
    try:
        stat = entry.annotation.stat()
    except FileNotFoundError:
        return f"{entry.annotation} is missing"  # its reader says so better
    return repr((str(entry.annotation), str(entry.image), stat.st_size, stat.st_mtime_ns))


def _digest(texts: Sequence[str] | Iterator[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _read_all(
    entries: list[_Entry], class_names: Sequence[str], box_tolerance: float, num_threads: int, title: str
) -> list[Annotation]:
    def read(entry: _Entry) -> Annotation | Exception:
        try:
            return read_annotation(entry.annotation, entry.image, entry.image_id, class_names, box_tolerance)
        except (FileNotFoundError, ValueError) as error:
            return error

    def read_some(some: list[_Entry]) -> list[Annotation | Exception]:
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
    _raise_first(entries, results)
    return [result for result in results if isinstance(result, Annotation)]


def _raise_first(entries: list[_Entry], results: list[Annotation | Exception]) -> None:
    """Raises the first error; the other broken files are named, so that all can be mended at once."""
    broken = [(entry, result) for entry, result in zip(entries, results, strict=True) if isinstance(result, Exception)]
    if not broken:
        return
    error = broken[0][1]
    names = [entry.annotation.name for entry, _ in broken[1:6]]
    more = f" ({len(broken) - 1} more files are wrong: {', '.join(names)}{', …' if len(broken) > 6 else ''})"
    raise type(error)(f"{error}{more if len(broken) > 1 else ''}") from error
