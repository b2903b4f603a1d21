"""What a user means by `source=`: images, videos, folders, globs, lists, addresses, standard input, a camera."""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from lightweight_ssd.prediction.source_list import read_list

__all__ = ["Source", "Sources", "find_sources", "is_address", "is_surely_source"]

# What the project's reader decodes, by the usual ends of their names.
_IMAGES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".avif", ".jp2",
    ".pbm", ".pgm", ".ppm",
)  # fmt: skip
_VIDEOS = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".asf", ".flv", ".ts", ".mts", ".m2ts",
    ".3gp", ".ogv",
)  # fmt: skip
_LIST = ".txt"
_USUAL = "jpg, png, webp, tif, …; mp4, avi, mov, …"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_STANDARD_INPUT = "-"

Kind = Literal["image", "video", "address", "stdin", "camera"]


class Source(NamedTuple):
    """One thing to look at.

    Attributes:
        kind: What it is.
        place: Path of the file, address, `-`, or number of the camera.
    """

    kind: Kind
    place: str

    def __str__(self) -> str:
        """As files and messages name it; an address without the name and the password that it may hold."""
        if self.kind == "camera":
            return f"camera {self.place}"
        return re.sub(r"(?<=://)[^/?#]*@", "", self.place) if self.kind == "address" else self.place


class Sources(NamedTuple):
    """Each thing to look at once, files sorted by path; and the other files of the folders that were named."""

    items: list[Source]
    passed_over: list[Path]


def is_address(text: str) -> bool:
    r"""Whether a text is an address, of whatever scheme, and no path.

    Example:
        >>> is_address("https://example.org/a.jpg"), is_address("photos/a.jpg"), is_address("C:\\a.jpg")
        (True, False, False)
    """
    return _ADDRESS.match(text) is not None


def is_surely_source(text: str) -> bool:
    """Whether a text can mean nothing but something to look at, by its form; a folder's name does not tell.

    Example:
        >>> [is_surely_source(text) for text in ("a.jpg", "photos/*", "0", "runs/mine")]
        [True, True, True, False]
    """
    path = Path(text)
    is_file = path.is_file() or _is_known(path) or path.suffix.lower() == _LIST
    return is_file or glob.has_magic(text) or is_address(text) or text == _STANDARD_INPUT or text.isdigit()


def find_sources(sources: Sequence[str | Path], recursive: bool = False, output: Path | None = None) -> Sources:
    """What is meant by each.

    Args:
        sources: Files of images or videos; folders; globs, where `**` means any folders; lists of files (`.txt`);
            http and https addresses; `-` for standard input; numbers of cameras. A name that is there as a file or
            folder is taken as it is, whatever is in it.
        recursive: Whether folders inside a folder count, too.
        output: Folder to write in: what lies there is not looked at, unless it is named itself.

    Raises:
        FileNotFoundError: If there is nothing in one of them.
        ValueError: If one is something else.
    """
    others, files, passed_over = dict[Source, None](), set[Path](), set[Path]()
    for source in map(str, sources):
        if (other := _without_file(source)) is not None:
            others[other] = None
            continue
        found, rest = _files(Path(source), recursive, output)
        files |= found
        passed_over |= rest
    items = [Source("video" if _is_video(file) else "image", str(file)) for file in sorted(files)]
    return Sources([*items, *others], sorted(passed_over))


def _without_file(source: str) -> Source | None:
    """A source that is no path: standard input, an address, a camera."""
    if os.path.lexists(source):
        return None
    if source == _STANDARD_INPUT:
        return Source("stdin", source)
    if source.isascii() and source.isdigit():
        return Source("camera", source)
    if not is_address(source):
        return None
    if not source.lower().startswith(("http://", "https://")):
        raise ValueError(
            f"Expected an address that begins with http:// or https:// for source=… but got {source}: download it, and "
            "give the file."
        )
    return Source("address", source)


def _files(source: Path, recursive: bool, output: Path | None) -> tuple[set[Path], set[Path]]:
    """Files of images and videos, and the others beside them."""
    if source.is_file():
        if source.suffix.lower() == _LIST:
            return set(read_list(source)), set()
        if not _is_known(source):
            raise ValueError(f"Expected an image or a video ({_USUAL}) for source=… but got {source}.")
        return {source}, set()
    candidates = set(_not_below(output, source, _candidates(source, recursive)))
    found = {file for file in candidates if _is_known(file)}
    if not found:
        below = " itself; recursive=true looks into the folders inside it" if source.is_dir() and not recursive else ""
        raise FileNotFoundError(
            f"There is no image or video ({_USUAL}) at source={source}{below}; give a file, a folder or a glob."
        )
    return found, {file for file in candidates - found if not file.name.startswith(".")}


def _candidates(source: Path, recursive: bool) -> Iterable[Path]:
    """Not only what `is_file`: a dangling link shall be named as broken, not passed over."""
    if not source.is_dir():  # Path.glob takes no absolute pattern
        found = map(Path, glob.iglob(str(source), recursive=True))  # noqa: PTH207
    elif recursive:
        found = (Path(folder, name) for folder, _, names in os.walk(source) for name in names)
    else:
        found = source.iterdir()
    return (file for file in found if not file.is_dir())


def _not_below(output: Path | None, source: Path, files: Iterable[Path]) -> Iterable[Path]:
    """Leaves out what an earlier call has written, unless the folder itself is what shall be looked at."""
    if output is None or source.resolve().is_relative_to(output.resolve()):
        return files
    inside = output.resolve()
    return (file for file in files if not file.parent.resolve().is_relative_to(inside))


def _is_video(file: Path) -> bool:
    return file.suffix.lower() in _VIDEOS


def _is_known(file: Path) -> bool:
    return file.suffix.lower() in _IMAGES or _is_video(file)
