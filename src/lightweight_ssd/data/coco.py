"""Data in the format of COCO: one instances file and one folder of images per split."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.coco_json import Categories, read_categories
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.selection import Selection, check_val_share, hold_out
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.types import Split

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
        val: What to validate on during training; not used with `val_share`.
        test: What to report on.
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

    Raises:
        ValueError: The root is a file, a split lacks its file or folder, or an option is unknown.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        train: Mapping[str, str],
        val: Mapping[str, str],
        test: Mapping[str, str],
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
    ) -> None:
        check_source_options(on_bad, cache, cache_side)
        check_val_share(val_share)
        self.selection, self.val_share = Selection.of(classes, other_classes, empty_images), val_share
        self.root = data_root(root, "the one that the paths of the splits start from")
        self.splits = {
            name: _part(self.root, part, name) for name, part in (("train", train), ("val", val), ("test", test))
        }
        if val_share is not None:
            self.splits["val"] = self.splits["train"]
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

    def annotations(self, split: Split) -> PackedAnnotations:
        """A split's annotations in the order of its file, with the file's image and category ids.

        Raises:
            FileNotFoundError: The file, the folder or an image is missing.
            ValueError: An entry is wrong, the categories are not those of the training file, or no image is left.
        """
        listed = self._listed(split)
        if self.val_share is not None and split != "test":
            listed = hold_out(listed, self.val_share, split)
        return self.selection.apply(listed, split)

    def _listed(self, split: Split) -> PackedAnnotations:
        """All objects of all images of the file."""
        part = self.splits[split]
        return read_instances(
            part.annotations, part.images, self.box_tolerance, self.drop_empty_boxes, self.on_bad, self.cache_dir,
            *self._categories,
        )  # fmt: skip


def _part(root: Path, part: Mapping[str, str], name: str) -> _Part:
    if not isinstance(part, Mapping) or set(part) != _KEYS or not all(part.values()):
        raise ValueError(
            f"Expected data.{name} to name a file and a folder, but got {part!r}: set "
            f"data.{name}.annotations=FILE.json and data.{name}.images=FOLDER, relative to data.root."
        )
    return _Part(root / part["annotations"], root / part["images"])
