"""Which annotation files of a layout have no image, and of which split they would be."""

from collections.abc import Collection, Iterator
from pathlib import Path

from lightweight_ssd.data.formats.unpaired import files_below, unpaired_labels, unpaired_xml
from lightweight_ssd.data.formats.yolo_images import labels_folder
from lightweight_ssd.data.layouts.listing import ALL, Layout, Pairs, list_files, split_of

__all__ = ["labels_without_image", "xml_without_image"]


def xml_without_image(layout: Layout, used: Collection[Path | None]) -> dict[Path, str]:
    """XML annotations, with the key of the parts that they would be in.

    With lists of images there are none: what a list does not name may be left out on purpose.

    Args:
        layout: Of VOC's format.
        used: The annotations of all images.
    """
    parts = _parts(layout)
    if any(part.ids is not None for _, part in parts):
        return {}
    files = [path for path in _named(parts) or _all_files(layout) if path.suffix == ".xml"]
    return {path: _key(layout, path) for path in unpaired_xml(files, used)}


def labels_without_image(layout: Layout, used: Collection[Path | None]) -> dict[Path, str]:
    """YOLO's label files, with the key of the parts that they would be in; other text files are none.

    Args:
        layout: Of YOLO's format.
        used: The labels of all images.
    """
    parts = _parts(layout)
    if layout.name != "yolo_txt":
        return {path: key for key, part in parts for path in unpaired_labels(_of_place(part.images), used)}
    folders = {part.annotations for _, part in parts}
    files = _named(parts) or [
        path for path in _all_files(layout) if path.parent in folders or "labels" in path.parent.parts
    ]
    return {path: _key(layout, path) for path in unpaired_labels(files, used)}


def _parts(layout: Layout) -> list[tuple[str, Pairs]]:
    return [(key, part) for key, parts in layout.splits.items() for part in parts if isinstance(part, Pairs)]


def _named(parts: list[tuple[str, Pairs]]) -> list[Path]:
    """Files of folders that the user names."""
    folders = dict.fromkeys(part.annotations or part.images for _, part in parts if part.nested)
    return [path for folder in folders for path in files_below(folder)]


def _all_files(layout: Layout) -> Iterator[Path]:
    for folder, names in list_files(layout.home).files.items():
        yield from (layout.home / folder / name for name in names)


def _of_place(images: Path) -> list[Path]:
    """The files where the labels of a folder of images lie; none for a list of images."""
    if not images.is_dir():
        return []
    folder = labels_folder(images)
    return files_below(folder if folder.is_dir() else images)


def _key(layout: Layout, path: Path) -> str:
    inside = path.is_relative_to(layout.home)
    split = split_of(path.parent.relative_to(layout.home).as_posix()) if inside else None
    return ALL if ALL in layout.splits else split or "train"
