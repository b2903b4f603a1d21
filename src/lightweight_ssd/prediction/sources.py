"""Which files a user means by an image, a folder or a glob."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Sources", "find_images"]

# What the project's reader decodes, by the usual ends of their names; of an animation the first picture.
_EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".jp2", ".pbm", ".pgm",
    ".ppm",
)  # fmt: skip
_USUAL = "jpg, png, webp, tif, gif, …"


class Sources(NamedTuple):
    """Image files, sorted by path, each once, and the other files of the folders that they lie in."""

    images: list[Path]
    passed_over: list[Path]


def find_images(sources: Sequence[Path]) -> Sources:
    """The images that are meant.

    Args:
        sources: Image files, folders (not those inside them), or globs, where `**` means any folders. A name that is
            there is taken as it is, whatever is in it.

    Raises:
        FileNotFoundError: If there is none in one of them.
        ValueError: If one is a file of another kind.
    """
    images: set[Path] = set()
    passed_over: set[Path] = set()
    for source in sources:
        found, others = _of_one(source)
        images |= found
        passed_over |= others
    return Sources(sorted(images), sorted(passed_over))


def _of_one(source: Path) -> tuple[set[Path], set[Path]]:
    if source.is_file():
        if not _is_image(source):
            raise ValueError(f"Expected an image ({_USUAL}) for source=… but got {source}.")
        return {source}, set()
    # Path.glob takes no absolute pattern.
    candidates = source.iterdir() if source.is_dir() else map(Path, glob.glob(str(source), recursive=True))  # noqa: PTH207
    # Not is_file: a dangling link shall be named as broken, not passed over.
    files = [file for file in candidates if not file.is_dir()]
    images = {file for file in files if _is_image(file)}
    if not images:
        raise FileNotFoundError(f"There is no image ({_USUAL}) at source={source}; give an image, a folder or a glob.")
    return images, {file for file in files if file not in images and not file.name.startswith(".")}


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in _EXTENSIONS
