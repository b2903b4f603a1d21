"""Whether image files came or went since annotations were read, seen from the few folders in which they lie.

A folder's time says at once that nothing happened there. It also changes when something else is written into it, such
as a run or a table beside the images; so where it differs, the names of the image files are compared.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Fingerprint", "FolderListing", "list_folder"]


class FolderListing(NamedTuple):
    """What a folder held.

    Attributes:
        changed_at: Its time before it was listed, nanoseconds; -1 where there is no such folder.
        names: Of all that lies in it.
    """

    changed_at: int
    names: frozenset[str]


def list_folder(folder: str | Path) -> FolderListing:
    """Lists a folder; one that is missing, or that no file system can have, is empty."""
    try:
        changed_at = os.stat(folder).st_mtime_ns  # noqa: PTH116  # before the listing: later changes are seen
        return FolderListing(changed_at, frozenset(os.listdir(folder)))  # noqa: PTH208  # names alone
    except (OSError, ValueError):
        return FolderListing(-1, frozenset())


class Fingerprint:
    """A text that is another one when the file, or the images beside it, are others.

    Called with an earlier text it gives what that would be now; called with nothing, what was recorded.

    Args:
        path: The annotation file; it is looked at now, before it is read.
        folder: Of its images.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        stat = path.stat()
        self._file = [str(path), str(folder), stat.st_size, stat.st_mtime_ns]
        self._recorded = ""

    def record(self, names: Iterable[str], listings: Mapping[str, FolderListing]) -> None:
        """Keeps what was found.

        Args:
            names: Of the images: files with other suffixes beside them do not matter.
            listings: Of the folders in which they lie, or should.
        """
        suffixes = sorted(set(map(_suffix, names)))
        listed = sorted(listings.items())
        folders = [(folder, one.changed_at, _digest(one.names, suffixes)) for folder, one in listed]
        self._recorded = json.dumps([*self._file, suffixes, folders])

    def __call__(self, before: str) -> str:
        if not before:
            return self._recorded
        *_, suffixes, folders = json.loads(before)
        now = [_now(name, changed_at, digest, suffixes) for name, changed_at, digest in folders]
        return json.dumps([*self._file, suffixes, now])


def _now(folder: str, changed_at: int, digest: str, suffixes: list[str]) -> tuple[str, int, str]:
    """The same as before where the image files are."""
    try:
        time = os.stat(folder).st_mtime_ns  # noqa: PTH116
    except (OSError, ValueError):
        time = -1
    if time == changed_at:
        return folder, changed_at, digest
    other = _digest(list_folder(folder).names, suffixes)
    return folder, changed_at if other == digest else time, other


def _digest(names: Iterable[str], suffixes: Iterable[str]) -> str:
    wanted = frozenset(suffixes)
    kept = sorted(name for name in names if _suffix(name) in wanted)
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _suffix(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""
