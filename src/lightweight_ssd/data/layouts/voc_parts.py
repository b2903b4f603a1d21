"""The images and XML files of a VOC layout."""

from collections import Counter
from functools import cached_property

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.layouts.listing import Layout
from lightweight_ssd.data.layouts.reading import Reading

__all__ = ["VOCParts"]


class VOCParts:
    """Reads the parts of a layout of VOC's format; nothing is read before it is asked for.

    Args:
        layout: What was recognized.
        reading: How to read it; its class names take the place of those that are found.
    """

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout, self.reading = layout, reading
        self.counts: Counter[str] = Counter()

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        return ()

    @property
    def category_ids(self) -> tuple[int, ...]:
        return tuple(range(1, 1 + len(self.class_names)))

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def read(self, key: str) -> PackedAnnotations:
        raise NotImplementedError(key)
