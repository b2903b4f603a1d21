"""The label files of a split in YOLO's format: read, checked, packed into arrays, and cached.

Boxes are shares of an image's sides, so every image's size is read from its file. They are drawn on the image as
viewers show it, turned by EXIF's orientation.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from lightweight_ssd.data.formats.packed import PackedAnnotations, read_cached
from lightweight_ssd.data.formats.yolo_images import LabeledImage
from lightweight_ssd.data.formats.yolo_validation import LabelFault, ParsedLabels, parse_labels
from lightweight_ssd.system.parallel import each_file
from lightweight_ssd.types import Annotation

__all__ = ["YOLORules", "parse_image", "read_labels"]

_CACHE_FORMAT = 1  # raise it when the same files would be read into other arrays
_NOTHING = ParsedLabels(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), 0, 0, ())


class YOLORules(NamedTuple):
    """By what label files are read.

    Attributes:
        class_names: By class number.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence.
        keypoints: Numbers after each box of a pose set, which are not looked at.
    """

    class_names: tuple[str, ...]
    box_tolerance: float = 1.0
    keypoints: int = 0


def read_labels(
    entries: Sequence[LabeledImage],
    rules: YOLORules,
    title: str,
    cache_dir: str | Path | None = None,
    num_threads: int = 4,
    on_bad: str = "error",
) -> PackedAnnotations:
    """Reads the labels of images; image ids number them from 1, category ids are the class numbers.

    Args:
        entries: The images, at least one.
        rules: By what they are read.
        title: Of the progress bar and in notes, such as `train`; with the first image's path the name of the cache.
        cache_dir: Where the packed annotations are kept for the next time; None keeps none. A file that changes, comes
            or goes makes them outdated.
        num_threads: Files read at once, which helps on a network drive.
        on_bad: `error` raises for the first wrong line and counts the other files. `skip` leaves its image out whole
            and says so in `skipped`: leaving out the object alone would teach that nothing is there.

    Raises:
        ValueError: A line or an image is wrong, or no image is left.
    """

    def build() -> PackedAnnotations:
        work = partial(parse_image, rules=rules)
        read = list(each_file(work, entries, num_threads, f"{title}: labels", "threads"))
        return _pack(entries, read, rules, title, on_bad)

    if cache_dir is None:
        return build()
    name = _digest([repr((str(entries[0].image), title, rules, _CACHE_FORMAT, on_bad))])[:16]
    return read_cached(Path(cache_dir) / f"yolo-{name}.arrays", _digest(map(_describe, entries)), build)


def parse_image(entry: LabeledImage, rules: YOLORules) -> tuple[tuple[int, int] | None, ParsedLabels]:
    """An image's (height, width) as training reads it, None for what is no image, and the objects of its label file."""
    from lightweight_ssd.data.images.header import read_orientation, read_size  # with OpenCV, which takes a while

    size, orientation = read_size(entry.image), read_orientation(entry.image)
    if size is None:
        return None, _NOTHING
    height, width = size
    turned = (width, height) if orientation >= 5 else (height, width)
    if entry.label is None:
        return turned, _NOTHING
    parsed = parse_labels(entry.label, turned, len(rules.class_names), rules.box_tolerance, rules.keypoints)
    if turned == size and orientation > 1:  # the reader cannot tell by the size, and takes the pixels as stored
        return size, parsed._replace(boxes=_as_stored(parsed.boxes, size, orientation))
    return turned, parsed


def _as_stored(
    boxes: Float32[np.ndarray, "N 4"], size: tuple[int, int], orientation: int
) -> Float32[np.ndarray, "N 4"]:
    """Boxes of an upright image on the pixels that its file holds, where both have the same size."""
    height, width = size
    left, top, right, bottom = boxes.T
    if orientation in (5, 7):  # mirrored at a diagonal
        left, top, right, bottom = top, left, bottom, right
    elif orientation == 6:
        left, top, right, bottom = top, height - right, bottom, height - left
    elif orientation == 8:
        left, top, right, bottom = width - bottom, left, width - top, right
    if orientation in (2, 3, 7):
        left, right = width - right, width - left
    if orientation in (3, 4, 7):
        top, bottom = height - bottom, height - top
    return np.stack([left, top, right, bottom], axis=1).astype(np.float32).reshape(-1, 4)


def _pack(
    entries: Sequence[LabeledImage],
    read: Sequence[tuple[tuple[int, int] | None, ParsedLabels]],
    rules: YOLORules,
    title: str,
    on_bad: str,
) -> PackedAnnotations:
    good, wrong = [], list[str]()
    for number, (entry, (size, parsed)) in enumerate(zip(entries, read, strict=True), start=1):
        if size is None or parsed.faults:
            wrong.append(_sentence(entry, parsed.faults))
            continue
        good.append(Annotation.of_boxes(number, str(entry.image), *size, parsed.boxes, parsed.labels))
    if wrong and (on_bad == "error" or not good):
        more = f" ({len(wrong) - 1} more files are wrong.)" if len(wrong) > 1 else ""
        raise ValueError(f"{wrong[0]}{more}")
    names = rules.class_names
    return PackedAnnotations.from_annotations(good, names, range(len(names)), wrong, _notes(entries, read, title))


def _sentence(entry: LabeledImage, faults: tuple[LabelFault, ...]) -> str:
    if faults:
        return faults[0].sentence
    return f"Expected an image in {entry.image}, but it cannot be read: replace it, or take it away."


def _notes(
    entries: Sequence[LabeledImage], read: Sequence[tuple[tuple[int, int] | None, ParsedLabels]], title: str
) -> list[str]:
    without = [entry.image for entry in entries if entry.label is None]
    empty = [entry.image for entry, (_, one) in zip(entries, read, strict=True) if entry.label and _is_empty(one)]
    polygons, repeated = (
        sum(counts) for counts in zip(*((one.polygons, one.repeated) for _, one in read), strict=True)
    )
    counts = (
        (len(without), "without a label file, and with no objects therefore"),
        (len(empty), "with an empty label file, and no objects therefore"),
    )
    notes = [f"{title}: {count:,} of {len(entries):,} images {what}" for count, what in counts if count]
    if polygons:
        notes.append(f"{title}: {polygons:,} polygons became the boxes around them")
    if repeated:
        notes.append(f"{title}: {repeated:,} lines say the same as an earlier one of their file, and are left out")
    return notes


def _is_empty(parsed: ParsedLabels) -> bool:
    return not len(parsed.labels) and not parsed.faults


def _describe(entry: LabeledImage) -> str:
    """Changes with either file, by size and time of change, not content."""
    return repr((str(entry.image), *_stat(entry.image), str(entry.label), *(_stat(entry.label) if entry.label else ())))


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()
