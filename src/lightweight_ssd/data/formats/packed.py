"""The annotations of a whole split in a handful of arrays, and their cache file.

A list of 100,000 `Annotation` objects costs gigabytes twice over: once in the main process, and again in every forked
data loader worker, where touching a Python object's reference count copies its memory page. Here a split is a dozen
arrays, whatever its size: workers share their pages, and pickling them for a spawned worker is a plain copy of bytes.
Read from their cache file, they are shared with ranks and other runs, too.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from lightweight_ssd.data.formats.packed_values import check_values
from lightweight_ssd.system.array_file import read_arrays, write_arrays
from lightweight_ssd.types import OTHER_CLASS, Annotation

__all__ = ["PackedAnnotations", "default_cache_dir", "read_cached", "starts"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PackedAnnotations:
    """A split's annotations: `len`, indexing and iteration give one `Annotation` at a time.

    Attributes:
        class_names: Name of each label.
        image_ids: Integer id of each image, unique in the split.
        sizes: (height, width) of each image file, pixels.
        path_bytes: All image paths, one after the other, in the file system's encoding.
        path_offsets: Where each path begins in `path_bytes`; the last entry is the end.
        offsets: Where each image's objects begin in the three arrays below; the last entry is the end.
        boxes: xyxy, pixels of the image file.
        labels: Class index, from 0; `OTHER_CLASS` as in `Annotation`.
        difficult: Objects that evaluation counts neither way.
        crowd: Crowd regions, which are not the ground truth of a single object.
        areas: Area by which an object counts as small or large, square pixels.
        category_ids: Id of each label in results files: COCO's own, which have gaps; empty stands for label + 1.
        skipped: One sentence for each problem that `data.on_bad=skip` passed over, mostly by leaving an image out.
        notes: One line for each thing that reading decided for the user, such as where boxes count from.

    Example:
        >>> box = np.array([[0, 0, 10, 20]], dtype=np.float32)
        >>> one = Annotation.of_boxes(1, "/tmp/a.jpg", 30, 40, box, np.array([0]))
        >>> packed = PackedAnnotations.from_annotations([one], ("cat",))
        >>> len(packed), packed[0].path, packed[0].boxes.tolist()
        (1, '/tmp/a.jpg', [[0.0, 0.0, 10.0, 20.0]])
    """

    class_names: tuple[str, ...]
    image_ids: Int64[np.ndarray, " N"]
    sizes: Int32[np.ndarray, "N 2"]
    path_bytes: UInt8[np.ndarray, " P"]
    path_offsets: Int64[np.ndarray, " N+1"]
    offsets: Int64[np.ndarray, " N+1"]
    boxes: Float32[np.ndarray, "M 4"]
    labels: Int64[np.ndarray, " M"]
    difficult: Bool[np.ndarray, " M"]
    crowd: Bool[np.ndarray, " M"]
    areas: Float32[np.ndarray, " M"]
    category_ids: tuple[int, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.category_ids:
            object.__setattr__(self, "category_ids", tuple(range(1, len(self.class_names) + 1)))
        if len(set(self.category_ids)) != len(self.category_ids) or len(self.category_ids) != len(self.class_names):
            raise ValueError(
                f"Expected a category id of its own for each of {len(self.class_names)} class names, but got "
                f"{list(self.category_ids)}: correct the categories."
            )
        if _some_twice(self.image_ids):
            raise ValueError("Expected image_ids unique in their split, but some stand twice: renumber them.")
        labels = self.labels[self.labels != OTHER_CLASS]
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.class_names):
            raise ValueError(
                f"Expected labels from 0 to {len(self.class_names) - 1} (one per class name), "
                f"but got {labels.min()} to {labels.max()}: correct the labels or the class names."
            )

    @classmethod
    def from_annotations(
        cls,
        annotations: Sequence[Annotation],
        class_names: Sequence[str],
        category_ids: Sequence[int] = (),
        skipped: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> "PackedAnnotations":
        """Packs annotations in the order given; an empty sequence keeps every documented shape."""
        paths = [os.fsencode(annotation.path) for annotation in annotations]
        sizes = [(annotation.height, annotation.width) for annotation in annotations]
        return cls(
            class_names=tuple(class_names),
            image_ids=np.array([annotation.image_id for annotation in annotations], dtype=np.int64),
            sizes=np.array(sizes, dtype=np.int32).reshape(-1, 2),
            path_bytes=np.frombuffer(b"".join(paths), dtype=np.uint8),
            path_offsets=starts([len(path) for path in paths]),
            offsets=starts([len(annotation.boxes) for annotation in annotations]),
            boxes=_join((annotation.boxes for annotation in annotations), np.float32).reshape(-1, 4),
            labels=_join((annotation.labels for annotation in annotations), np.int64),
            difficult=_join((annotation.difficult for annotation in annotations), np.bool_),
            crowd=_join((annotation.crowd for annotation in annotations), np.bool_),
            areas=_join((annotation.areas for annotation in annotations), np.float32),
            category_ids=tuple(int(number) for number in category_ids),
            skipped=tuple(skipped),
            notes=tuple(notes),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["PackedAnnotations"]) -> "PackedAnnotations":
        """Joins splits of the same classes; image ids are renumbered from 1, since those of the parts may collide."""
        names = {(part.class_names, part.category_ids) for part in parts}
        if len(names) != 1:
            raise ValueError(f"Expected one or more parts with the same class names and ids, but got {sorted(names)}.")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PLAIN}
        return cls(
            class_names=parts[0].class_names,
            category_ids=parts[0].category_ids,
            skipped=tuple(sentence for part in parts for sentence in part.skipped),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            image_ids=np.arange(1, len(joined["sizes"]) + 1, dtype=np.int64),
            path_offsets=starts(np.concatenate([np.diff(part.path_offsets) for part in parts])),
            offsets=starts(np.concatenate([np.diff(part.offsets) for part in parts])),
            **joined,
        )

    def take(self, indices: Sequence[int] | Int64[np.ndarray, " K"]) -> "PackedAnnotations":
        """The annotations at `indices`, in that order, image ids kept: a few images to overfit, say."""
        rows = np.asarray(indices, dtype=np.int64)
        objects, characters = _places(self.offsets, rows), _places(self.path_offsets, rows)
        return replace(
            self,
            image_ids=self.image_ids[rows],
            sizes=self.sizes[rows],
            path_bytes=self.path_bytes[characters],
            path_offsets=starts(np.diff(self.path_offsets)[rows]),
            offsets=starts(np.diff(self.offsets)[rows]),
            **{name: getattr(self, name)[objects] for name in _OF_OBJECTS},
        )

    def keep_objects(self, kept: Bool[np.ndarray, " M"]) -> "PackedAnnotations":
        """All images with these objects alone."""
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        return replace(self, offsets=offsets, **{name: getattr(self, name)[kept] for name in _OF_OBJECTS})

    def of_chosen_classes(self) -> "PackedAnnotations":
        """The same without the objects of `OTHER_CLASS`."""
        kept = self.labels != OTHER_CLASS
        return self if kept.all() else self.keep_objects(kept)

    def first(self, count: int | None) -> "PackedAnnotations":
        """The first `count` annotations; all for None or 0, or where there are no more."""
        return self if not count or count >= len(self) else self.take(range(count))

    def paths(self) -> list[str]:
        """The file of each image."""
        ends = self.path_offsets.tolist()
        text = self.path_bytes.tobytes()
        return [os.fsdecode(text[start:end]) for start, end in pairwise(ends)]

    def __len__(self) -> int:
        return len(self.image_ids)

    def __iter__(self) -> Iterator[Annotation]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Annotation:
        """One image's annotation; its arrays are copies, so that changing them in place does no harm."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"Expected an index below {len(self)}, the number of images, but got {index}.")
        index %= len(self)
        objects = slice(self.offsets[index], self.offsets[index + 1])
        return Annotation(
            image_id=int(self.image_ids[index]),
            path=os.fsdecode(self.path_bytes[self.path_offsets[index] : self.path_offsets[index + 1]].tobytes()),
            height=int(self.sizes[index, 0]),
            width=int(self.sizes[index, 1]),
            boxes=self.boxes[objects].copy(),
            labels=self.labels[objects].copy(),
            difficult=self.difficult[objects].copy(),
            crowd=self.crowd[objects].copy(),
            areas=self.areas[objects].copy(),
        )

    def save(self, path: str | Path, key: str = "") -> None:
        """Writes the cache file, whole or not at all.

        Args:
            path: File to write; its folder is made where missing.
            key: What the arrays were made from; `load` refuses the file under another key.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        texts = {"key": key, **{name: values.pop(name) for name in _TUPLES}}
        write_arrays(path, texts, values)

    @classmethod
    def load(cls, path: str | Path, key: str | Callable[[str], str] = "") -> "PackedAnnotations":
        """Reads what `save` wrote; the arrays are read-only.

        Args:
            path: The cache file.
            key: What it must have been made from; or a function that gets the file's key and returns what it must be.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or was saved under another key.
        """
        try:
            texts, arrays = read_arrays(Path(path))
            saved_under = texts.pop("key")
            if saved_under != (key if isinstance(key, str) else key(saved_under)):
                raise ValueError("it was made from other files or settings")
            values: dict[str, Any] = {**arrays, **{name: tuple(texts[name]) for name in _TUPLES}}
            check_values(values, {field.name: field.type for field in fields(cls) if field.name not in _TUPLES})
            return cls(**values)
        except FileNotFoundError:
            raise
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise ValueError(f"Expected {path} to hold packed annotations, but {error}: delete it.") from error


def default_cache_dir() -> Path:
    """The user's cache folder for this package: `$XDG_CACHE_HOME`, or `~/.cache`, then `lightweight-ssd`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightweight-ssd"


def read_cached(
    path: Path | None, key: str | Callable[[str], str], build: Callable[[], PackedAnnotations]
) -> PackedAnnotations:
    """Loads `path` where it was saved under `key`; otherwise builds, saves and returns.

    The cache only ever saves time: a damaged or outdated file is rebuilt, an unwritable folder costs a warning, and two
    processes that build at once each replace the file by an equal one.

    Args:
        path: The cache file; None always builds.
        key: Names everything that the annotations are made from; or a function that gets the key of the file and
            returns what it must be, or after building, given nothing, the key of what was built.
        build: Makes the annotations.
    """
    if path is None:
        return build()
    try:
        return PackedAnnotations.load(path, key)
    except FileNotFoundError:
        pass
    except ValueError as error:
        logger.warning("Rebuilding the annotation cache: %s", error)
    annotations = build()
    try:
        annotations.save(path, key if isinstance(key, str) else key(""))
    except OSError as error:
        logger.warning("Could not write the annotation cache %s (%s); going on without it.", path, error)
    return annotations


def starts(lengths: Sequence[int] | np.ndarray) -> Int64[np.ndarray, " L"]:
    """Where each of `lengths` begins when they lie end to end, and where the last one ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def _places(offsets: Int64[np.ndarray, " L"], rows: Int64[np.ndarray, " K"]) -> Int64[np.ndarray, " J"]:
    """Where the elements of these rows lie, row by row."""
    lengths = np.diff(offsets)[rows]
    return np.arange(lengths.sum()) + np.repeat(offsets[rows] - starts(lengths)[:-1], lengths)


def _some_twice(numbers: Int64[np.ndarray, " N"]) -> bool:
    """Compares neighbours: `np.unique` hashes, which takes four times as long per number at a million."""
    ordered = numbers if (numbers[1:] > numbers[:-1]).all() else np.sort(numbers)
    return bool((ordered[1:] == ordered[:-1]).any())


def _join(arrays: Iterable[np.ndarray], dtype: type) -> np.ndarray:
    """Concatenates along the first axis; nothing at all becomes an empty array of `dtype`."""
    return np.concatenate(list(arrays) or [[]]).astype(dtype)


_OF_OBJECTS = ("boxes", "labels", "difficult", "crowd", "areas")
_PLAIN = ("sizes", "path_bytes", *_OF_OBJECTS)
_TUPLES = ("class_names", "category_ids", "skipped", "notes")
