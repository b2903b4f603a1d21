"""Images and annotations as some tool wrote them: the layout of the folder is recognized."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightweight_ssd.data.layouts.reading import Reading
from lightweight_ssd.data.layouts.source import LayoutSource
from lightweight_ssd.data.selection import Selection

__all__ = ["Folder"]


class Folder(LayoutSource):
    """A folder in VOC's, COCO's or YOLO's format; nothing is read before a name or an annotation is asked for.

    Classes are those that have objects. Images without a split of their own are divided.

    Args:
        root: The folder.
        layout: What it is, where several layouts fit: one of `layouts.recognize.LAYOUTS`, or voc, coco or yolo.
        images: Folder of the images, from the root, where it is to be named and not recognized.
        annotations: A COCO file, a data.yaml, or a folder of XML or text files, from the root, likewise.
        class_names: All names that the annotations have, in the order of the labels (YOLO: of the class numbers); None
            finds them.
        split: Shares of the training images to validate and to test on, `{"val": 0.2, "test": 0}`; None takes the
            folder's own splits, and these shares where it has none.
        origin: Where the boxes of VOC's XML count from: `auto`, 0 or 1.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence; further out is an error.
        drop_empty_boxes: Leave out COCO's boxes of no width or height; False makes them an error.
        on_bad: `error` stops at the first wrong file and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where annotations, once read, and images are kept; None is the user's cache folder.
        num_threads: Annotation files read at once.
        classes: Names of the classes to detect, in the order of their labels; None is all that have objects.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.

    Raises:
        ValueError: The root is a file, or an option is unknown.

    Example:
        >>> Folder("mine").class_names  # doctest: +SKIP
        ('cat', 'dog')
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        layout: str | None = None,
        images: str | None = None,
        annotations: str | None = None,
        class_names: Sequence[str] | None = None,
        split: Mapping[str, Any] | None = None,
        origin: str | int = "auto",
        box_tolerance: float = 1.0,
        drop_empty_boxes: bool = True,
        on_bad: str = "error",
        cache: str = "none",
        cache_side: int | None = None,
        cache_dir: str | Path | None = None,
        num_threads: int = 4,
        classes: Sequence[str] | str | None = None,
        other_classes: str = "background",
        empty_images: str = "keep",
    ) -> None:
        reading = Reading(class_names, box_tolerance, drop_empty_boxes, origin, on_bad, cache_dir, num_threads)
        selection = Selection.of(classes, other_classes, empty_images)
        super().__init__(
            root, layout, images, annotations, reading, split, selection, cache, cache_side, keep_unused=False
        )
