"""Which files are images, and the files below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["IMAGE_SUFFIXES", "images_below", "is_image", "walk"]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Those that `data.images.reader` reads, in lower case."""

_LEFT_OUT = frozenset({"__MACOSX", "__pycache__", "node_modules"})


def is_image(name: str) -> bool:
    """By its suffix; what begins with a dot is none (macOS puts `._photo.jpg` beside a photo).

    Example:
        >>> [is_image(name) for name in ("a.JPG", "a.xml", "._a.jpg")]
        [True, False, False]
    """
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below one, itself first, with the sorted names of its files; links are followed, each place once.

    Hidden folders, and those that archives and tools leave behind, are left out.
    """
    seen = set[str]()
    for place, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        kept = (name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        folders[:] = sorted(name for name in kept if os.path.realpath(os.path.join(place, name)) not in seen)  # noqa: PTH118
        yield Path(place), sorted(names)


def images_below(folder: Path) -> list[Path]:
    """All images of a folder and the folders in it, sorted by their paths."""
    return sorted(place / name for place, names in walk(folder) for name in names if is_image(name))
