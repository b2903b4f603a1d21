"""VOC annotation files of a list of images, read in parallel into packed annotations, and cached."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from lightweight_ssd.data.formats.origin import Origin, check_origin, decide_origin
from lightweight_ssd.data.formats.packed import PackedAnnotations, read_cached
from lightweight_ssd.data.formats.voc_files import ListEntry
from lightweight_ssd.data.formats.voc_scan import digest, fingerprint, folders_of, genuine_folders, scan
from lightweight_ssd.data.formats.voc_validation import FaultKind, parse_annotation
from lightweight_ssd.data.formats.voc_xml import to_annotation
from lightweight_ssd.types import Annotation

__all__ = ["count_class_names", "read_entries", "read_labelmap"]

_CACHE_FORMAT = 7  # raise it when the same files would be read into other arrays or notes
_FILES_PER_TASK = 64  # one file takes about 50 µs to read, less than it costs to hand it to another thread
_FILES_WITHOUT_BAR = 500  # read within a blink


class _Read(NamedTuple):
    """What became of one entry: an annotation, or an error."""

    annotation: Annotation | Exception
    has_file: bool = True
    size_of_image: bool = False


def read_entries(
    entries: Sequence[ListEntry],
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    cache_dir: str | Path | None = None,
    num_threads: int = 4,
    on_bad: str = "error",
    origin: Origin | str | int = "auto",
    title: str = "annotations",
    all_entries: Sequence[ListEntry] | Callable[[], Sequence[ListEntry]] = (),
    unusable: Sequence[Exception] = (),
) -> PackedAnnotations:
    """Reads the annotations of a list of images; image ids are those of the entries.

    Every file is checked before anything is returned. The first broken one is described, further ones are named. An
    image without an XML file has no objects, and `notes` say how many there are. In a year of the VOC challenge, where
    every image has one, a missing file is an error.

    Args:
        entries: Of one split.
        class_names: Name of each label.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence.
        cache_dir: Where the packed annotations are kept for the next time; None keeps none. A file that changes, comes
            or goes makes them outdated.
        num_threads: Files read at once. Parsing takes no profit from threads, waiting for a network drive does.
        on_bad: `error` raises for anything that is wrong. `skip` leaves the image out whole and says so in `skipped`:
            leaving out the object alone would teach that nothing is there.
        origin: Where boxes count from: `auto`, 0, 1, or what `decide_origin` returned.
        title: Of the progress bar, such as `2007 train`; different for the splits of one data set, whose caches lie
            side by side.
        all_entries: Of all splits, which decide together where boxes count from, or a function that lists them, which
            is not called where nothing must be decided; none = `entries` alone.
        unusable: What is wrong with other lines of the list.

    Raises:
        FileNotFoundError: A file is missing that must be there; or no image has an XML file.
        ValueError: An annotation is wrong (see `voc_xml.read_annotation`), or no image is left.
    """
    if unusable and (on_bad == "error" or not entries):
        raise unusable[0]
    setting = origin if isinstance(origin, Origin) else check_origin(origin)
    genuine = genuine_folders(entries)
    own_data = any(entry.annotation is None for entry in entries)
    own_data = own_data or not folders_of(entry.annotation for entry in entries) <= genuine
    listed = all_entries() if callable(all_entries) and own_data and setting == "auto" else all_entries
    voters = list(listed) if not callable(listed) and listed else list(entries)

    def build() -> PackedAnnotations:
        decided = setting if isinstance(setting, Origin) else decide_origin(voters, setting, num_threads)
        results = _read_all(entries, _reader(class_names, box_tolerance, decided, genuine), num_threads, title)
        good = [one.annotation for one in results if isinstance(one.annotation, Annotation)]
        if on_bad == "error" or not good:
            _raise_first(entries, results)
        broken = [one.annotation for one in results if isinstance(one.annotation, Exception)]
        skipped = [str(one) for one in (*unusable, *broken)]
        return PackedAnnotations.from_annotations(good, class_names, (), skipped, _notes(entries, results, decided))

    if cache_dir is None:
        return build()
    settings = (_CACHE_FORMAT, tuple(class_names), float(box_tolerance), on_bad, _key(setting))
    folders = sorted(str(folder.absolute()) for folder in folders_of(entry.image for entry in entries))
    name = digest([repr((folders, title, settings))])[:16]
    state = [fingerprint(entries, own_data), *map(str, unusable)]
    if setting == "auto" and own_data:
        state.append(fingerprint(voters))
    return read_cached(Path(cache_dir) / f"voc-{name}.arrays", digest(state), build)


def _key(origin: Origin | str | int) -> object:
    if isinstance(origin, Origin):
        return origin.value, origin.note, sorted(map(str, origin.genuine))
    return origin


def count_class_names(entries: Sequence[ListEntry], num_threads: int = 4) -> Counter[str]:
    """How many objects each class name has in the files of these entries; those that cannot be parsed have none.

    Args:
        entries: Of all splits.
        num_threads: Files read at once.
    """
    return scan([entry.annotation for entry in entries if entry.annotation is not None], num_threads).names


def read_labelmap(path: str | Path) -> tuple[str, ...]:
    """Names of the file `labelmap.txt` that CVAT and Datumaro write beside a devkit's folders, without `background`.

    A line is `name:color:parts:actions`; a line that begins with # says nothing.
    """
    lines = Path(path).read_text("utf-8-sig", errors="surrogateescape").splitlines()
    names = [line.split(":")[0].strip() for line in lines if not line.lstrip().startswith("#")]
    return tuple(dict.fromkeys(name for name in names if name and name != "background"))


def _reader(
    class_names: Sequence[str], box_tolerance: float, origin: Origin, genuine: frozenset[Path]
) -> Callable[[ListEntry], _Read]:
    def read(entry: ListEntry) -> _Read:
        path = entry.annotation
        if path is None:
            return _without_objects(entry)
        parsed = parse_annotation(path, class_names, box_tolerance, origin.of(path), entry.image)
        if parsed.faults and parsed.faults[0].kind is FaultKind.MISSING and path.parent not in genuine:
            return _without_objects(entry)
        try:
            return _Read(to_annotation(parsed, entry.image, entry.image_id), size_of_image=parsed.size_of_image)
        except (FileNotFoundError, ValueError) as error:
            return _Read(error)

    return read


def _without_objects(entry: ListEntry) -> _Read:
    from lightweight_ssd.data.images.header import read_size  # Pillow, which few files need

    size = read_size(entry.image)
    if size is None:
        sentence = (
            f"Expected an image that can be read at {entry.image}, since it has no XML file and so no objects, but its "
            "size cannot be found: replace or remove it."
        )
        return _Read(ValueError(sentence), has_file=False)
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    empty = Annotation.of_boxes(entry.image_id, str(entry.image), *size, boxes, labels)
    return _Read(empty, has_file=False)


def _read_all(
    entries: Sequence[ListEntry], read: Callable[[ListEntry], _Read], num_threads: int, title: str
) -> list[_Read]:
    def read_some(some: Sequence[ListEntry]) -> list[_Read]:
        return [read(entry) for entry in some]

    tasks = [entries[start : start + _FILES_PER_TASK] for start in range(0, len(entries), _FILES_PER_TASK)]
    hidden = len(entries) <= _FILES_WITHOUT_BAR
    results: list[_Read] = []
    with (
        ThreadPoolExecutor(num_threads) as pool,
        tqdm(total=len(entries), desc=title, unit="file", disable=hidden) as bar,
    ):
        for some in pool.map(read_some, tasks):
            results.extend(some)
            bar.update(len(some))
    if entries and not any(one.has_file for one in results):
        raise _no_file_at_all(entries)
    return results


def _no_file_at_all(entries: Sequence[ListEntry]) -> FileNotFoundError:
    """Without it a wrong folder would be taken for a data set without objects."""
    images = sorted(map(str, folders_of(entry.image for entry in entries)))
    files = sorted(map(str, folders_of(entry.annotation for entry in entries)))
    where = f"in {_some(files)} " if files else ""
    return FileNotFoundError(
        f"Expected XML files {where}with the names of the images of {_some(images)}, but none of {len(entries):,} "
        "images has one: set data.annotations to their folder."
    )


def _some(folders: Sequence[str]) -> str:
    return ", ".join(folders[:3]) + (f" and {len(folders) - 3} more folders" if len(folders) > 3 else "")


def _raise_first(entries: Sequence[ListEntry], results: Sequence[_Read]) -> None:
    """Raises the first error; the other broken files are named, so that all can be mended at once."""
    broken = [
        (entry, result.annotation)
        for entry, result in zip(entries, results, strict=True)
        if isinstance(result.annotation, Exception)
    ]
    if not broken:
        return
    error = broken[0][1]
    names = [(entry.annotation or entry.image).name for entry, _ in broken[1:6]]
    more = f" ({len(broken) - 1} more files are wrong: {', '.join(names)}{', …' if len(broken) > 6 else ''})"
    raise type(error)(f"{error}{more if len(broken) > 1 else ''}") from error


def _notes(entries: Sequence[ListEntry], results: Sequence[_Read], origin: Origin) -> list[str]:
    empty, sized = sum(not one.has_file for one in results), sum(one.size_of_image for one in results)
    count = f"of {len(entries):,} images"
    notes = [origin.note] if origin.note else []
    if empty:
        notes.append(f"{empty:,} {count} have no XML file, so no objects")
    if sized:
        notes.append(f"{sized:,} {count} have their size from the image file, since the XML file has none")
    return notes
