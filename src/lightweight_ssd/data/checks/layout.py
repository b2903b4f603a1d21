"""The annotations of a folder whose layout was recognized, by the check of its format."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lightweight_ssd.data.checks.coco import check_coco_file
from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.checks.voc import check_voc_entries
from lightweight_ssd.data.checks.yolo import check_labels
from lightweight_ssd.data.formats.unpaired import NO_IMAGE
from lightweight_ssd.data.layouts.coco_parts import COCOParts
from lightweight_ssd.data.layouts.source import LayoutSource
from lightweight_ssd.data.layouts.voc_parts import VOCParts
from lightweight_ssd.types import SPLITS

__all__ = ["check_layout", "list_file_of"]


def check_layout(source: LayoutSource) -> Iterator[Problem | ListedImage]:
    """Yields every problem of the annotations, and every image with the splits that it is in."""
    try:
        keys = list(source.layout.splits)
        _ = source.parts.class_names
    except (ValueError, OSError) as error:
        kind = Kind.MISSING_SPLIT if isinstance(error, FileNotFoundError) else Kind.MALFORMED_FILE
        yield Problem(kind, ", ".join(SPLITS), str(source.root), str(error))
        return
    for key in keys:
        splits = [split for split, one in source.assigned.items() if one.key == key]
        try:
            for found in _check(source, key, splits):
                yield found if isinstance(found, Problem) else _on_its_side(found, source)
        except (ValueError, OSError) as error:  # of a list or a folder as a whole
            kind = Kind.MISSING_SPLIT if isinstance(error, FileNotFoundError) else Kind.MALFORMED_FILE
            yield Problem(kind, ", ".join(splits), list_file_of(source), str(error))
    yield from _without_image(source)
    for split in SPLITS:
        if split not in source.assigned:
            yield Problem(Kind.EMPTY_SPLIT, split, str(source.root), "the folder has no images for it")


def list_file_of(source: LayoutSource) -> str:
    """What names the images: the file with the names of the classes and splits, or the folder."""
    return str(source.layout.names or source.layout.home)


def _check(source: LayoutSource, key: str, splits: Sequence[str]) -> Iterator[Problem | ListedImage]:
    parts, how = source.parts, source.reading
    if isinstance(parts, COCOParts):
        part = parts.part(key)
        yield from check_coco_file(
            part.annotations, part.images, splits, how.box_tolerance, how.drop_empty_boxes, parts.class_names
        )
    elif isinstance(parts, VOCParts):
        entries, problems = parts.entries(key)
        kinds = (
            (Kind.MISSING_IMAGE if isinstance(one, FileNotFoundError) else Kind.DUPLICATE_IMAGE, one)
            for one in problems
        )
        yield from (Problem(kind, ", ".join(splits), str(_list_of(parts, key)), str(one)) for kind, one in kinds)
        yield from check_voc_entries(
            entries, splits, parts.class_names, float(how.box_tolerance), how.num_threads, how.origin, parts.all_entries
        )
    else:
        yield from check_labels(parts.entries(key), parts.rules, splits, how.num_threads)


def _without_image(source: LayoutSource) -> Iterator[Problem]:
    """Annotation files whose image is not there."""
    parts = source.parts
    for path, key in () if isinstance(parts, COCOParts) else parts.unpaired.items():
        splits = [split for split, one in source.assigned.items() if one.key == key]
        yield Problem(Kind.MISSING_IMAGE, ", ".join(splits) or key, str(path), NO_IMAGE)


def _list_of(parts: VOCParts, key: str) -> Path:
    part = parts.layout.splits[key][0]
    return getattr(part, "ids", None) or part.images


def _on_its_side(image: ListedImage, source: LayoutSource) -> ListedImage:
    """With the splits whose share it is in."""
    mine = frozenset(split for split in image.splits if source.assigned[split].has(image.path))
    return image._replace(splits=mine)
