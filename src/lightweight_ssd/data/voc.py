"""Data in the format of PASCAL VOC: any union of years and splits for training, validation and testing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.formats.voc_devkit import read_split
from lightweight_ssd.data.selection import Selection, check_val_share, hold_out
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.types import Split

__all__ = ["VOC"]

Union = Mapping[str | int, str | Sequence[str] | None]


class VOC:
    """A devkit on disk; nothing is read before `annotations` is called.

    Args:
        root: The devkit, which holds `VOC2007` and the like.
        class_names: All names that the annotations have, in the order of the labels, at least one.
        train: Splits to train on, by year: `{"2007": "trainval", "2012": ["train", "val"]}`; None drops a year. A year
            may be text or a number.
        val: Splits to validate on during training, by year; not used with `val_share`.
        test: Splits to report on, by year.
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence; further out is an error.
        on_bad: `error` stops at the first wrong file and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where annotations, once read, and images are kept; None is the user's cache folder.
        num_threads: Annotation files read at once.
        classes: Names of the classes to detect, in the order of their labels; None is all of `class_names`.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.
        val_share: Share of the training images that is kept apart to validate on, above 0 and below 1; the same images
            in every run. None validates on `val`.

    Attributes:
        class_names: Name of each label.
        category_ids: Id of each label in output files: the place of its name among all names, from 1.
        all_class_names: All names that the annotations have.

    Raises:
        ValueError: The root is a file, class names are missing or stand twice, a year does, a class is not among the
            names, or an option is unknown.

    Source: The paper's section 4.1 trains on 2007 + 2012 trainval and tests on 2007 test. It does not say what it
        validated on during training; the test set stands in, since only the checkpoint called best is chosen by it.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        class_names: Sequence[str],
        train: Union,
        val: Union,
        test: Union,
        box_tolerance: float = 1.0,
        on_bad: str = "error",
        cache: str = "none",
        cache_side: int | None = None,
        cache_dir: str | Path | None = None,
        num_threads: int = 4,
        classes: Sequence[str] | str | None = None,
        other_classes: str = "background",
        empty_images: str = "keep",
        val_share: float | int | None = None,
    ) -> None:
        if not class_names or len(set(class_names)) != len(class_names):
            raise ValueError(f"Expected class_names to be different names, at least one, but got {list(class_names)}.")
        check_source_options(on_bad, cache, cache_side)
        self.root = data_root(root, "the devkit, which holds VOC2007 and the like")
        check_val_share(val_share)
        self.selection, self.val_share = Selection.of(classes, other_classes, empty_images), val_share
        self.all_class_names = tuple(class_names)
        self.class_names = self.selection.names(self.all_class_names)
        self.category_ids = self.selection.ids(self.all_class_names, range(1, len(class_names) + 1))
        self.splits = {
            name: _normalize(union, name) for name, union in (("train", train), ("val", val), ("test", test))
        }
        if val_share is not None:
            self.splits["val"] = self.splits["train"]
        self.box_tolerance = box_tolerance
        self.on_bad, self.cache, self.cache_side = on_bad, cache, cache_side
        self.cache_dir = default_cache_dir() if cache_dir is None else Path(cache_dir)
        self.num_threads = num_threads

    def annotations(self, split: Split) -> PackedAnnotations:
        """The union's annotations, in the order of its years and splits; image ids number them from 1.

        Raises:
            FileNotFoundError: The devkit or a part of it is missing.
            ValueError: The union is empty or names an image twice, a file in it is wrong, or no image is left.
        """
        listed = self._listed(split)
        if self.val_share is not None and split != "test":
            listed = hold_out(listed, self.val_share, split)
        return self.selection.apply(listed, split)

    def _listed(self, split: Split) -> PackedAnnotations:
        """All objects of all images that the lists name."""
        pairs = [(year, name) for year, names in self.splits[split].items() for name in names]
        if not pairs:
            raise ValueError(f"Expected a year and split for data.{split}, but got none: set data.{split}.2007=train.")
        joined = PackedAnnotations.concatenate([self._read(year, name) for year, name in pairs])
        if len(pairs) == 1:  # within one list the reader has seen to it
            return joined
        return _without_repeated(joined, f"data.{split} = {self.splits[split]}", self.on_bad)

    def _read(self, year: str, split: str) -> PackedAnnotations:
        return read_split(
            self.root,
            year,
            split,
            self.all_class_names,
            self.box_tolerance,
            self.cache_dir,
            self.num_threads,
            self.on_bad,
        )


def _normalize(union: Union, name: str) -> dict[str, list[str]]:
    """Years as text, splits as lists, dropped years left out."""
    if not isinstance(union, Mapping):
        raise ValueError(f"Expected data.{name} as splits by year, such as data.{name}.2007=trainval, but got {union}.")
    years = [str(year) for year in union]
    if len(set(years)) != len(years):
        raise ValueError(
            f"Expected each year once in data.{name}, but got {dict(union)}, as text and as a number: write it in one "
            f'way, as conf/data/voc.yaml does: "{years[-1]}" in quotes, or data.{name}.{years[-1]}=SPLIT in the shell.'
        )
    lists = {str(year): [names] if isinstance(names, str) else list(names or ()) for year, names in union.items()}
    return {year: names for year, names in lists.items() if names}


def _without_repeated(annotations: PackedAnnotations, union: str, on_bad: str) -> PackedAnnotations:
    """The annotations themselves, where no image is in two splits of their union."""
    seen: set[str] = set()
    sentences: dict[int, str] = {}
    for row, annotation in enumerate(annotations):
        if annotation.path in seen:
            sentences[row] = (
                f"Expected each image once in {union}, but {Path(annotation.path).stem!r} is in two of its splits "
                f"({annotation.path}): leave one of them out."
            )
        seen.add(annotation.path)
    if not sentences:
        return annotations
    if on_bad == "error":
        raise ValueError(next(iter(sentences.values())))
    kept = annotations.take([row for row in range(len(annotations)) if row not in sentences])
    return replace(kept, skipped=(*annotations.skipped, *sentences.values()))
