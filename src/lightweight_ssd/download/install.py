"""Unpacked files, moved to where they belong without overwriting any, and the receipt that says so afterwards."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightweight_ssd.system.json_file import read_json, write_json

__all__ = ["list_files", "missing_files", "place", "read_receipt", "size_of", "write_receipt"]

_CHUNK = 1 << 20


def list_files(folder: Path) -> dict[str, int]:
    """Size of each file below a folder, bytes, by its path relative to it; sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def place(source: Path, root: Path, last: str | None = None) -> None:
    """Moves all files below `source` to the same places below `root`, which lie on the same disk.

    A folder that is not there yet arrives in one step. A file that is there already stays, if it is the same one.

    Args:
        source: Is left with what was there already.
        root: Exists.
        last: Name of the folder that is moved after all beside it: what names the others, so that they are never
            missing.

    Raises:
        ValueError: A file at one of the places is another one; nothing has been moved then.
    """
    other = list(_conflicts(source, root))
    if other:
        raise ValueError(
            f"Expected no other file where the archive's go but {other[0]} is one"
            f"{f', and {len(other) - 1} more' if len(other) > 1 else ''}: move it away, or choose another root."
        )
    os.sync()  # a file that has its name has its content, also after the power has failed
    _move(source, root, last)
    os.sync()


def _conflicts(source: Path, target: Path) -> Iterator[Path]:
    """Files below `target` that differ from those at the same places below `source`."""
    for path in sorted(source.iterdir()):
        there = target / path.name
        if path.is_dir() and there.is_dir():
            yield from _conflicts(path, there)
        elif os.path.lexists(there) and (path.is_dir() or not there.is_file() or not _same(path, there)):
            yield there


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK):
            if chunk != right.read(_CHUNK):
                return False
    return True


def _move(source: Path, target: Path, last: str | None) -> None:
    for path in sorted(source.iterdir(), key=lambda path: (path.name == last, path.name)):
        there = target / path.name
        if not there.exists():
            path.rename(there)
        elif path.is_dir():
            _move(path, there, last)


def write_receipt(path: Path, facts: dict[str, Any], files: dict[str, int]) -> None:
    """Notes what was placed, whole, under a path's name.

    Args:
        path: The receipt's file; its folder exists.
        facts: What identifies this archive: address, size, hashes.
        files: Size of each file by its path below the root.
    """
    write_json(path, {**facts, "files": files})


def read_receipt(path: Path) -> dict[str, Any]:
    """A receipt, empty where there is none or none that can be read."""
    try:
        return read_json(path)
    except ValueError:
        return {}


def missing_files(root: Path, files: dict[str, int]) -> list[str]:
    """Files of a receipt that are no longer there, or not with the size that they had."""
    return [name for name, size in files.items() if size_of(root / name) != size]


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where there is none, or none that can be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
