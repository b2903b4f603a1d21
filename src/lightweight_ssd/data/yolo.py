"""Data in YOLO's format: Ultralytics' data.yaml or darknet's obj.data, and a text file of boxes per image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightweight_ssd.data.layouts.reading import Reading
from lightweight_ssd.data.layouts.source import LayoutSource
from lightweight_ssd.data.selection import Selection

__all__ = ["YOLO"]


class YOLO(LayoutSource):
    """A folder with a data.yaml, or with images and labels; nothing is read before it is asked for.

    Args:
        root: The folder.
        annotations: The data.yaml or obj.data, or a folder of label files, from the root; None finds it there.
        images: Folder of images, from the root, where the annotations are a folder; None is the same folder.
        class_names: By class number; None takes those of data.yaml, obj.data or classes.txt.
        split: Shares of the training images to validate and to test on, `{"val": 0.2, "test": 0}`; None takes
            the splits that the file names, and these shares where it names none.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence; further out is an error.
        on_bad: `error` stops at the first wrong file and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where annotations, once read, and images are kept; None is the user's cache folder.
        num_threads: Label files read at once.
        classes: Names of the classes to detect, in the order of their labels; None is all.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.

    Raises:
        ValueError: The root is a file, or an option is unknown.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        annotations: str | None = None,
        images: str | None = None,
        class_names: Sequence[str] | None = None,
        split: Mapping[str, Any] | None = None,
        box_tolerance: float = 1.0,
        on_bad: str = "error",
        cache: str = "none",
        cache_side: int | None = None,
        cache_dir: str | Path | None = None,
        num_threads: int = 4,
        classes: Sequence[str] | str | None = None,
        other_classes: str = "background",
        empty_images: str = "keep",
    ) -> None:
        reading = Reading(class_names, box_tolerance, on_bad=on_bad, cache_dir=cache_dir, num_threads=num_threads)
        selection = Selection.of(classes, other_classes, empty_images)
        super().__init__(
            root, "yolo", images, annotations, reading, split, selection, cache, cache_side, keep_unused=True
        )
