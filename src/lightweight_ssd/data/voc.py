"""Data in the format of PASCAL VOC: any union of years and splits for training, validation and testing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lightweight_ssd.data.formats.origin import check_origin
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.formats.unpaired import describe_unpaired, files_below, unpaired_xml
from lightweight_ssd.data.formats.voc_files import ListEntry
from lightweight_ssd.data.formats.voc_names import FoundNames, find_class_names
from lightweight_ssd.data.formats.voc_reading import read_entries
from lightweight_ssd.data.formats.voc_scan import VOC_CLASS_NAMES
from lightweight_ssd.data.formats.voc_splits import Lists, Part, Places, lone_year, parts_of
from lightweight_ssd.data.selection import Selection, check_val_share, hold_out
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.data.split import ImageSplit
from lightweight_ssd.types import SPLITS, Split

__all__ = ["VOC"]

Union = Mapping[str | int, str | Sequence[str] | None] | str

_PAPER = {"train": {"2007": ["trainval"], "2012": ["trainval"]}, "val": {"2007": ["test"]}, "test": {"2007": ["test"]}}


class VOC:
    """A devkit on disk; nothing is read before `annotations` is called.

    Args:
        root: The devkit, which holds `VOC2007` and the like; or the folder of one year; or with `images` any folder.
        class_names: All names that the annotations have, in the order of the labels, at least one. None finds them: the
            20 of the VOC challenge for its years, otherwise those of `labelmap.txt`, then what else the annotations of
            all splits have.
        train: Splits to train on, by year: `{"2007": "trainval", "2012": ["train", "val"]}`; None drops a year. A year
            may be text or a number. With `images`, the path of a list of images, or the default for all of them.
        val: Splits to validate on during training, by year; not used with `val_share` and `split`.
        test: Splits to report on, by year; not used with `split`.
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
        images: Folder of the images, relative to the root, or folders by split; None for a devkit.
        annotations: Folder of their XML files, or folders by split; None = that of the images.
        split: Divides the training images: `{"val": 0.2, "test": 0}`, see `ImageSplit`.
        origin: Where boxes count from: 1 as in VOC's own files, 0, or `auto`, which decides by what the files say.

    Attributes:
        splits: Lists of each split, by year; or the path of a list.

    Raises:
        ValueError: The root is a file, class names stand twice, a year does, a class is not among the names, or an
            option is unknown.

    Source: The paper's section 4.1 trains on 2007 + 2012 trainval and tests on 2007 test. It does not say what it
        validated on during training; the test set stands in, since only the checkpoint called best is chosen by it.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        class_names: Sequence[str] | None,
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
        images: str | Mapping[str, str] | None = None,
        annotations: str | Mapping[str, str] | None = None,
        split: Any = None,
        origin: str | int = "auto",
    ) -> None:
        if class_names is not None and (not class_names or len(set(class_names)) != len(class_names)):
            raise ValueError(f"Expected class_names to be different names, at least one, but got {list(class_names)}.")
        check_source_options(on_bad, cache, cache_side)
        check_val_share(val_share)
        self.root = data_root(root, "the devkit, which holds VOC2007 and the like")
        self.places = Places(self.root, images, annotations)
        if annotations is not None and images is None:
            raise ValueError(
                f"Expected data.images with data.annotations={annotations}: name the folder of the images."
            )
        self.selection, self.val_share = Selection.of(classes, other_classes, empty_images), val_share
        self.split, self.origin = ImageSplit.of(split), check_origin(origin)
        if val_share is not None and split is not None:
            raise ValueError("Expected data.val_share or data.split, but got both: leave one of them out.")
        self._given_names = None if class_names is None else tuple(str(name) for name in class_names)
        self.splits: dict[str, Lists] = {
            name: _normalize(union, name) for name, union in (("train", train), ("val", val), ("test", test))
        }
        self.defaults = {name for name in SPLITS if self.splits[name] == _PAPER[name]}
        if self._given_names is not None:
            self.selection.names(self._given_names)
        self.box_tolerance = box_tolerance
        self.on_bad, self.cache, self.cache_side = on_bad, cache, cache_side
        self.cache_dir = default_cache_dir() if cache_dir is None else Path(cache_dir)
        self.num_threads = num_threads

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label.

        Raises:
            FileNotFoundError, ValueError: The names must be found and no image is, or a chosen class is not there.
        """
        return self.selection.names(self.all_class_names)

    @cached_property
    def category_ids(self) -> tuple[int, ...]:
        """Id of each label in output files: the place of its name among all names, from 1."""
        return self.selection.ids(self.all_class_names, range(1, len(self.all_class_names) + 1))

    @property
    def all_class_names(self) -> tuple[str, ...]:
        """All names that the annotations have."""
        return self._names.names if self._given_names is None else self._given_names

    @cached_property
    def _names(self) -> FoundNames:
        """As the annotations have them. Where there is no data yet it is taken for VOC's own."""
        if not self.root.exists():
            return FoundNames(VOC_CLASS_NAMES)
        entries = self.all_entries
        if not entries:
            list(self.parts("train"))  # says what is missing
        return find_class_names(entries, self.root, self.num_threads)

    def annotations(self, split: Split) -> PackedAnnotations:
        """The union's annotations, in the order of its years and splits; image ids number them from 1.

        Raises:
            FileNotFoundError: The devkit or a part of it is missing.
            ValueError: The union is empty or names an image twice, a file in it is wrong, or no image is left.
        """
        listed = self._listed(self.lists_of(split))
        if self.split is not None:
            listed = listed.take(self.split.rows(listed.paths(), split))
        elif self.val_share is not None and split != "test":
            listed = hold_out(listed, self.val_share, split)
        return self.selection.apply(listed, split)

    def parts(self, split: str) -> Iterator[Part]:
        """The lists of a split as they are on disk, before `val_share` or `split` divides them."""
        lists = self.splits[split]
        if not lists:
            raise ValueError(f"Expected a year and split for data.{split}, but got none: set data.{split}.2007=train.")
        return parts_of(self.places, split, lists, split in self.defaults)

    def lists_of(self, split: str) -> str:
        """The split whose lists hold its images: `split` and `val_share` take them from those of train."""
        divided = self.split is not None or (self.val_share is not None and split == "val")
        return "train" if divided else split

    @cached_property
    def all_entries(self) -> list[ListEntry]:
        """The images of all splits; what is missing is said by its reader."""
        found: dict[str, ListEntry] = {}
        for split in dict.fromkeys(map(self.lists_of, SPLITS)):
            with suppress(FileNotFoundError, ValueError):
                for part in self.parts(split):
                    found |= {str(entry.image): entry for entry in part.entries}
        return list(found.values())

    @cached_property
    def unpaired(self) -> dict[Path, str]:
        """XML files without an image, with the split that they would be in; none where lists name the images."""
        of_years = self.places.images is None and lone_year(self.places, self.splits["train"]) is None
        folders: dict[Path, str] = {}
        for split in dict.fromkeys(() if of_years else map(self.lists_of, SPLITS)):
            with suppress(FileNotFoundError, ValueError):
                for part in self.parts(split):
                    if part.annotations is None:
                        return {}
                    folders.setdefault(part.annotations, split)
        used = {entry.annotation for entry in self.all_entries} if folders else set()
        return {path: split for folder, split in folders.items() for path in unpaired_xml(files_below(folder), used)}

    def _listed(self, split: str) -> PackedAnnotations:
        """All objects of all images that the lists name."""
        parts = list(self.parts(split))
        joined = PackedAnnotations.concatenate([self._read(part) for part in parts])
        if self._given_names is None and self._names.note:
            joined = replace(joined, notes=(self._names.note, *joined.notes))
        if note := describe_unpaired(self.unpaired):
            joined = replace(joined, notes=(*joined.notes, note))
        if len(parts) == 1:  # within one list the reader has seen to it
            return joined
        return _without_repeated(joined, f"data.{split} = {self.splits[split]}", self.on_bad)

    def _read(self, part: Part) -> PackedAnnotations:
        return read_entries(
            part.entries,
            self.all_class_names,
            self.box_tolerance,
            self.cache_dir,
            self.num_threads,
            self.on_bad,
            self.origin,
            part.title,
            lambda: self.all_entries,
            [fault.error for fault in part.faults],
        )


def _normalize(union: Union, name: str) -> Lists:
    """Years as text, splits as lists, dropped years left out; the path of a list as it is."""
    if isinstance(union, str):
        return union
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
