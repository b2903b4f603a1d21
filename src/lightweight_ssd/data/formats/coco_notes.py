"""What reading an instances file decided for its user: one line for each thing, to be told once."""

from collections.abc import Iterator, Sequence

import numpy as np

from lightweight_ssd.data.formats.coco_categories import choose_classes
from lightweight_ssd.data.formats.coco_validation import Status, Validated, count_objects

__all__ = ["describe_decisions", "describe_file_decisions"]

_NAMED = 5


def describe_decisions(entries: Validated) -> tuple[str, ...]:
    """All lines on a file."""
    return (*describe_file_decisions(entries), *_of_entries(entries), *_without_objects(entries))


def describe_file_decisions(entries: Validated) -> Iterator[str]:
    """The lines that are not on single images or boxes."""
    yield from _of_categories(entries)
    objects, images, path = entries.tables.objects, entries.tables.images, entries.path
    if entries.without_own_id.any():
        count, total = int(entries.without_own_id.sum()), len(objects.ids)
        yield f"{count:,} of {total:,} annotations of {path} without an id of their own: renumbered"
    if images.texts:
        yield f"ids of images are text in {path}: results count these images from {min(images.texts.values())}"
    if objects.in_attributes:
        yield f"{_count(objects.in_attributes, 'object')} of {path} marked difficult by attributes.difficult"
    if objects.from_polygons:
        yield f"{_count(objects.from_polygons, 'object')} of {path} without bbox: boxes are those of the polygons"
    if entries.relative:
        yield f"all boxes of {path} lie between 0 and 1: they are read as shares of the image's width and height"


def _of_categories(entries: Validated) -> Iterator[str]:
    """What became of the file's categories."""
    categories, classes, path = entries.tables.categories, entries.classes, entries.path
    counts = count_objects(entries.tables)
    own, notes = choose_classes(categories, lambda: counts, path)
    yield from notes
    number_of = dict(zip(classes.names, classes.ids, strict=True))
    ids = zip(own.names, own.ids, strict=True)
    others = [(name, number) for name, number in ids if number_of.get(name, number) != number]
    if others:
        name, number = others[0]
        yield (
            f"categories of {path} are matched by name: {name!r} is {number} there, and {number_of[name]} in training "
            "and in results"
        )
    unknown = [name for name in own.names if name not in number_of]
    if unknown and not any(counts[each.id] for each in categories if each.name in unknown):
        yield f"categories of {path} that are no classes, and have no objects there: {_some(unknown)}"


def _of_entries(entries: Validated) -> Iterator[str]:
    """What the files of images made good, and boxes that are left out."""
    located, names, path = entries.located, entries.tables.images.names, entries.path
    if located.by_base_name:
        yield (
            f"{_count(len(located.by_base_name), 'image')} of {path} not where file_name says, but found by base name "
            f"in {entries.folder}; the first is {names[located.by_base_name[0]]}"
        )
    if located.measured:
        yield (
            f"{_count(len(located.measured), 'image')} of {path} without width and height: sizes are read from the "
            "image files"
        )
    dropped = np.flatnonzero(entries.object_status == Status.DROPPED)
    if dropped.size:
        first = entries.object_name(int(dropped[0]))
        yield f"{_count(dropped.size, 'box')} of no width or height in {path} left out; the first is {first}"


def _without_objects(entries: Validated) -> Iterator[str]:
    names = entries.classes.names
    counts = np.bincount(entries.labels[entries.labels >= 0], minlength=len(names)).tolist()
    without = [name for name, count in zip(names, counts, strict=True) if not count]
    if without and any(counts):
        yield f"{len(without)} of {len(names)} classes have no objects in {entries.path}: {_some(without)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 'es' if what.endswith('x') else 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:_NAMED], "…"] if len(names) > _NAMED else names)
