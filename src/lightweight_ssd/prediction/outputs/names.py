"""Names of output files, made of names that are data: of files, addresses and classes."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lightweight_ssd.prediction.sources import Source

__all__ = ["class_folders", "output_stems"]

_LONGEST = 150  # bytes; most file systems take 255, and endings and numbers follow
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # of Windows


def output_stems(sources: Sequence[Source]) -> list[str]:
    """A name per source for its files, without ending, all different also where a file system ignores case.

    Example:
        >>> output_stems([Source("image", "a/cat.png"), Source("image", "b/Cat.jpg"), Source("stdin", "-")])
        ['cat', 'Cat-2', 'stdin']
    """
    return _different([_stem(source) for source in sources])


def class_folders(class_names: Sequence[str]) -> list[str]:
    """A folder's name per class, all different, that leads nowhere else.

    Example:
        >>> class_folders(["cat", "../dog", "CAT", "."])
        ['cat', '.._dog', 'CAT-2', '_']
    """
    return _different([_safe(name) for name in class_names])


def _stem(source: Source) -> str:
    if source.kind == "stdin":
        return "stdin"
    if source.kind == "camera":
        return f"camera{source.place}"
    if source.kind == "address":
        return _safe(PurePosixPath(unquote(urlsplit(source.place).path)).stem or "download")
    return _short(PurePosixPath(source.place).stem)


def _safe(name: str) -> str:
    """As the name of a file on any system."""
    letters = (letter if letter.isprintable() else "_" for letter in _UNSAFE.sub("_", name))
    text = _short("".join(letters)).rstrip(". ")
    return f"_{text}" if not text or _RESERVED.match(text) else text


def _short(name: str) -> str:
    if len(name.encode(errors="surrogateescape")) <= _LONGEST:
        return name
    while len(name.encode(errors="surrogateescape")) > _LONGEST:
        name = name[:-1]
    return name


def _different(names: Sequence[str]) -> list[str]:
    """The same names, with a number at the end of those that were there before."""
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    found = []
    for name in names:
        new, number = name, numbers.get(name.casefold(), 1)
        while new.casefold() in taken:
            number += 1
            new = f"{name}-{number}"
        numbers[name.casefold()] = number
        taken.add(new.casefold())
        found.append(new)
    return found
