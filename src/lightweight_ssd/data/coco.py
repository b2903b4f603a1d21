"""Data in the format of COCO: one instances file and one folder of images per split."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.coco_json import Categories, read_categories
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.selection import Selection, check_val_share, hold_out
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.data.split import DEFAULT_SPLIT, ImageSplit
from lightweight_ssd.types import SPLITS, Split

__all__ = ["COCO"]

_KEYS = {"annotations", "images"}


class _Part(NamedTuple):
    """Where a split lies."""

    annotations: Path
    images: Path


class COCO:
    """COCO 2017, or anybody's data in its format; nothing is read before a name or an annotation is asked for.

    Class names and their original ids come from the training file. The categories of other files are matched by name.

    Args:
        root: Folder that the paths of the splits start from.
        train: What to train on: `{"annotations": file, "images": folder}`.
        val: What to validate on during training; not used with `val_share` and `split`.
        test: What to report on; None is what is validated on. Not used with `split`.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence; further out is an error.
        drop_empty_boxes: Leave out boxes of no width or height, and say at the first reading how many; False makes them
            an error.
        on_bad: `error` stops at the first wrong entry and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where annotations, once read, and images are kept; None is the user's cache folder.
        classes: Names of the classes to detect, in the order of their labels; None is all that the file has.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.
        val_share: Share of the training images that is kept apart to validate on, above 0 and below 1; the same images
            in every run. None validates on `val`.
        split: Divides the training images: `{"val": 0.2, "test": 0}`, see `ImageSplit`. None takes the files of `val`
            and `test`.
        annotations: Short form of `train` for one file with all images, which is then divided by `split`, by default
            with a fifth of them to validate and to report on.
        images: Folder of the images of `annotations`.

    Raises:
        ValueError: The root is a file, a split lacks its file or folder, or an option is unknown.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        train: Mapping[str, str] | None,
        val: Mapping[str, str] | None,
        test: Mapping[str, str] | None,
        box_tolerance: float = 1.0,
        drop_empty_boxes: bool = True,
        on_bad: str = "error",
        cache: str = "none",
        cache_side: int | None = None,
        cache_dir: str | Path | None = None,
        classes: Sequence[str] | str | None = None,
        other_classes: str = "background",
        empty_images: str = "keep",
        val_share: float | int | None = None,
        split: Mapping[str, Any] | None = None,
        annotations: str | None = None,
        images: str | None = None,
    ) -> None:
        check_source_options(on_bad, cache, cache_side)
        check_val_share(val_share)
        self.selection = Selection.of(classes, other_classes, empty_images)
        if annotations is not None or images is not None:
            train, val, test = _one_file(annotations, images), None, None
        self.split, self.val_share = _division(split, val_share, annotations, test)
        self.root = data_root(root, "the one that the paths of the splits start from")
        self.splits = self._parts(train, val, test)
        self._notes = _notes(split, annotations, self.split, val, test)
        self.box_tolerance = box_tolerance
        self.drop_empty_boxes = drop_empty_boxes
        self.on_bad, self.cache, self.cache_side = on_bad, cache, cache_side
        self.cache_dir = default_cache_dir() if cache_dir is None else Path(cache_dir)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label: by rising category id, or as they were chosen.

        Raises:
            FileNotFoundError, ValueError: The training file is missing or wrong, or a chosen class is not in it.
        """
        return self.selection.names(self.all_class_names)

    @cached_property
    def category_ids(self) -> tuple[int, ...]:
        """Original id of each label; there are gaps among COCO's."""
        return self.selection.ids(*self._categories)

    @property
    def all_class_names(self) -> tuple[str, ...]:
        """All names of the training file, by rising category id."""
        return self._categories[0]

    @cached_property
    def _categories(self) -> Categories:
        return read_categories(self.splits["train"].annotations)

    def _parts(
        self, train: Mapping[str, str] | None, val: Mapping[str, str] | None, test: Mapping[str, str] | None
    ) -> dict[str, _Part]:
        """Where each split lies; where one file is divided, it is that of several."""
        parts = {"train": _part(self.root, train, "train")}
        if self.split is not None:
            return dict.fromkeys(SPLITS, parts["train"])
        parts["val"] = parts["train"] if self.val_share is not None else _part(self.root, val, "val")
        parts["test"] = parts["val"] if test is None else _part(self.root, test, "test")
        return parts

    def annotations(self, split: Split) -> PackedAnnotations:
        """A split's annotations in the order of its file, with the file's image and category ids.

        Raises:
            FileNotFoundError: The file, the folder or an image is missing.
            ValueError: An entry is wrong, the categories are not those of the training file, or no image is left.
        """
        listed = self._listed(split)
        if self.split is not None:
            listed = listed.take(self.split.rows(listed.paths(), split))
        elif self.val_share is not None and split != "test":
            listed = hold_out(listed, self.val_share, split)
        listed = replace(listed, notes=(*self._notes, *listed.notes))
        return self.selection.apply(listed, split)

    def _listed(self, split: Split) -> PackedAnnotations:
        """All objects of all images of the file."""
        part = self.splits[split]
        return read_instances(
            part.annotations, part.images, self.box_tolerance, self.drop_empty_boxes, self.on_bad, self.cache_dir,
            *self._categories,
        )  # fmt: skip


def _part(root: Path, part: Mapping[str, str] | None, name: str) -> _Part:
    if part is None and name == "val":
        raise ValueError(
            "Expected data.val to name a file and a folder, but got null: set data.val.annotations=FILE.json and "
            "data.val.images=FOLDER, or divide the training images with data.split={val: 0.2, test: 0}."
        )
    if not isinstance(part, Mapping) or set(part) != _KEYS or not all(part.values()):
        raise ValueError(
            f"Expected data.{name} to name a file and a folder, but got {part!r}: set "
            f"data.{name}.annotations=FILE.json and data.{name}.images=FOLDER, relative to data.root."
        )
    return _Part(root / part["annotations"], root / part["images"])


def _one_file(annotations: str | None, images: str | None) -> dict[str, str]:
    """The training part, where it is given in its short form."""
    if not annotations or not images:
        raise ValueError(
            f"Expected data.annotations and data.images together, but got {annotations!r} and {images!r}: set "
            "data.annotations=FILE.json and data.images=FOLDER, relative to data.root."
        )
    return {"annotations": annotations, "images": images}


def _division(
    split: Mapping[str, Any] | None, val_share: float | None, annotations: str | None, test: Mapping[str, str] | None
) -> tuple[ImageSplit | None, float | None]:
    """How the training images are divided: by shares for all splits, or by one for validation alone."""
    if split is not None and val_share is not None:
        raise ValueError("Expected data.val_share or data.split, but got both: leave one of them out.")
    if val_share is not None and test is None:  # the same images, by the same hash
        return ImageSplit(val=float(val_share)), None
    if annotations is not None and split is None:
        return ImageSplit.of(DEFAULT_SPLIT), None
    return ImageSplit.of(split), val_share


def _notes(
    given: Mapping[str, Any] | None,
    annotations: str | None,
    split: ImageSplit | None,
    val: Mapping[str, str] | None,
    test: Mapping[str, str] | None,
) -> tuple[str, ...]:
    """What was decided about the splits."""
    if given is None and annotations is not None and split is not None:
        return (f"no split is given: data.split={{val: {split.val:g}, test: 0}}",)
    return ("data.test is null: the images to report on are those of val",) if test is None and val else ()
