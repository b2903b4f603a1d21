"""The images and instances files of a COCO layout."""

from functools import cached_property

from lightweight_ssd.data.formats.coco_categories import UsableCategories, usable_categories
from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.layouts.listing import ALL, Instances, Layout
from lightweight_ssd.data.layouts.reading import Reading

__all__ = ["COCOParts"]


class COCOParts:
    """Reads the parts of a layout of COCO's format; nothing is read before it is asked for.

    Args:
        layout: What was recognized.
        reading: How to read it; its class names take the place of those of the files.
    """

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout, self.reading = layout, reading

    @cached_property
    def _categories(self) -> UsableCategories:
        """Those of the file to train on, or of the first that there is."""
        keys = self.layout.splits
        return usable_categories(
            self.part(next((key for key in ("train", ALL) if key in keys), next(iter(keys)))).annotations
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """By rising category id, or as they were given.

        Raises:
            FileNotFoundError, ValueError: Of the file.
        """
        names = self.reading.class_names
        return self._categories.names if names is None else tuple(names)

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Of the file; a name that it does not have gets one above."""
        ids = dict(zip(self._categories.names, self._categories.ids, strict=True))
        new = iter(range(max(self._categories.ids) + 1, max(self._categories.ids) + 1 + len(self.class_names)))
        return tuple(ids[name] if name in ids else next(new) for name in self.class_names)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which categories are no classes."""
        return self._categories.notes

    def part(self, key: str) -> Instances:
        """File and images of a split."""
        (part,) = self.layout.splits[key]
        assert isinstance(part, Instances)
        return part

    def read(self, key: str) -> PackedAnnotations:
        """The annotations of a split.

        Raises:
            FileNotFoundError, ValueError: As `read_instances`.
        """
        part, how = self.part(key), self.reading
        return read_instances(
            part.annotations, part.images, how.box_tolerance, how.drop_empty_boxes, how.on_bad, how.cache_dir,
            self.class_names, self.category_ids,
        )  # fmt: skip
