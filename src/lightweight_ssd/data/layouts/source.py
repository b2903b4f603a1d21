"""A data source that reads whatever layout a folder has: what `data=folder` and `data=yolo` have in common."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lightweight_ssd.data.class_counts import count_objects, of_classes
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.layouts.assignment import Assigned, assign, describe_assignment
from lightweight_ssd.data.layouts.coco_parts import COCOParts
from lightweight_ssd.data.layouts.listing import Layout
from lightweight_ssd.data.layouts.reading import Reading
from lightweight_ssd.data.layouts.recognize import named_layout, recognize
from lightweight_ssd.data.layouts.voc_parts import VOCParts
from lightweight_ssd.data.layouts.yolo_parts import YOLOParts
from lightweight_ssd.data.selection import Selection
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.data.split import ImageSplit
from lightweight_ssd.types import Split

__all__ = ["LayoutSource"]

_PARTS = {"voc": VOCParts, "coco": COCOParts, "yolo": YOLOParts}


class LayoutSource:
    """Reads the parts of a layout; nothing is read before a name or an annotation is asked for.

    Args:
        root: Folder of the data.
        layout: As `recognize` takes it.
        images: Folder of images, where the user names it.
        annotations: Annotations, where the user names them.
        reading: How the files are read.
        split: As `ImageSplit.of` takes it.
        selection: Which classes and images are used.
        cache: As every source has it.
        cache_side: As every source has it.
        keep_unused: Keep the classes of which there is no object; False leaves them out and notes it.

    Attributes:
        on_bad: `error` or `skip`: what becomes of an image that cannot be used.
        cache_dir: Of annotations and images.
        asked_split: What `data.split` says; None where it is null.
    """

    def __init__(
        self,
        root: str | int | float | Path | None,
        layout: str | None,
        images: str | None,
        annotations: str | None,
        reading: Reading,
        split: Mapping[str, Any] | None,
        selection: Selection,
        cache: str,
        cache_side: int | None,
        keep_unused: bool,
    ) -> None:
        check_source_options(reading.on_bad, cache, cache_side)
        self.root = data_root(root, "the one with the images and their annotations")
        names = reading.class_names
        if names is not None and (not names or len(set(names)) != len(names)):
            raise ValueError(f"Expected data.class_names to be different names, at least one, but got {list(names)}.")
        self.asked_layout, self.images_path, self.annotations_path = layout, images, annotations
        self.cache_dir = default_cache_dir() if reading.cache_dir is None else Path(reading.cache_dir)
        self.reading = reading._replace(cache_dir=self.cache_dir, class_names=names and tuple(map(str, names)))
        self.asked_split, self.selection = ImageSplit.of(split), selection
        self.on_bad, self.cache, self.cache_side = reading.on_bad, cache, cache_side
        self._keep_unused = keep_unused or names is not None
        self._read: dict[str, PackedAnnotations] = {}

    @cached_property
    def layout(self) -> Layout:
        """Where everything lies.

        Raises:
            FileNotFoundError, ValueError: There is no such folder, or nothing in it is known.
        """
        if self.annotations_path is None and self.images_path is None:
            return recognize(Path(str(self.root)), self.asked_layout)
        found = named_layout(Path(str(self.root)), self.images_path, self.annotations_path)
        if self.asked_layout not in (None, found.name, found.format):
            raise ValueError(
                f"Expected annotations of the format {self.asked_layout} for data.annotations, but got {found.text}: "
                f"name others, or give data=folder or data={found.format}."
            )
        return found

    @cached_property
    def parts(self) -> VOCParts | COCOParts | YOLOParts:
        """The reader of the files."""
        return _PARTS[self.layout.format](self.layout, self.reading)

    @cached_property
    def assigned(self) -> dict[str, Assigned]:
        """Where each split comes from."""
        return assign(self.layout.splits, self.asked_split)

    @property
    def split(self) -> ImageSplit | None:
        """The shares by which images are divided; None where the layout's own splits are taken."""
        return next((one.share for one in self.assigned.values() if one.share), None)

    @cached_property
    def all_class_names(self) -> tuple[str, ...]:
        """All names: of the classes that have objects, unless they are given or the format says them.

        Raises:
            FileNotFoundError, ValueError: The annotations cannot be read, or none has an object.
        """
        names = self.parts.class_names
        if self._keep_unused:
            return names
        used = set[str]()
        for key in self.layout.splits:
            used.update(count_objects(self._all_of(key)))
        if not used:
            raise ValueError(f"Expected objects in the annotations of {self.root}, but there are none: add some.")
        return tuple(name for name in names if name in used)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each label."""
        return self.selection.names(self.all_class_names)

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Id of each label in output files: that of the data set, or its place from 1 in VOC's format."""
        ids = dict(zip(self.parts.class_names, self.parts.category_ids, strict=True))
        return self.selection.ids(self.all_class_names, [ids[name] for name in self.all_class_names])

    def annotations(self, split: Split) -> PackedAnnotations:
        """A split's annotations.

        Raises:
            FileNotFoundError: The data or a part of it is missing, or it has no images for the split.
            ValueError: A file is wrong, or no image is left.
        """
        one = self.assigned.get(split)
        if one is None:
            raise FileNotFoundError(
                f"Expected images for {split} in {self.root}, but it has {' and '.join(self.layout.splits)} alone: add "
                "them, or give another data.root."
            )
        listed = of_classes(self._all_of(one.key), self.all_class_names)
        if one.share is not None:
            listed = listed.take(one.share.rows(listed.paths(), one.split))
        return self.selection.apply(replace(listed, notes=(*self._notes(), *listed.notes)), split)

    def _all_of(self, key: str) -> PackedAnnotations:
        """Everything that a split of the layout has, with the names of all classes."""
        if key not in self._read:
            self._read[key] = self.parts.read(key)
        return self._read[key]

    def _notes(self) -> list[str]:
        unused = [name for name in self.parts.class_names if name not in self.all_class_names]
        notes = [self.layout.text, describe_assignment(self.assigned), *self.parts.notes]
        if unused:
            notes.append(f"left out, for want of objects: {', '.join(unused)}")
        return list(filter(None, notes))
