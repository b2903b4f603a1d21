"""The folder that `predict` writes to: a list of what it wrote there, so that the next call can remove it."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from lightweight_ssd.prediction.sources import Source
from lightweight_ssd.system.atomic_write import PART, NotWritten, not_written
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["RESULTS", "OutputFolder", "expect_own_files", "prepare_folder", "remove_earlier"]

RESULTS = "predictions.json"
_WRITTEN = ".lssd-predict"  # names of our files, one JSON text a line
_ENDINGS = {".jpg", ".mp4", ".json", ".csv", ".txt", PART}


class OutputFolder:
    """The folder; each name is noted before its file is written, so that a call that was killed can be cleaned up.

    Attributes:
        path: Of the folder, which exists.

    Raises:
        NotWritten: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._list = (path / _WRITTEN).open("a", encoding="ascii", buffering=1)
        except OSError as error:
            raise not_written(path / _WRITTEN, 0, error) from error

    def place(self, name: str) -> Path:
        """Where a file of this name is to be written; its folder exists then. Each name is given once.

        Raises:
            NotWritten: The disk is full or cannot be written, or somebody else's file has this name.
        """
        path = self.path / name
        if taken := next(filter(os.path.lexists, _files_of(path)), None):
            raise _is_not_ours(taken)
        try:
            self._list.write(f"{json.dumps(name)}\n")
            if path.parent != self.path:
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(path, 0, error) from error
        return path

    def close(self) -> None:
        """Ends the list."""
        with contextlib.suppress(OSError):  # a full disk: what it lacks was not written either
            self._list.close()


def prepare_folder(output: Path, sources: Sequence[Source]) -> Path:
    """The folder to write in, which must not be one that is read from: a picture could replace its source.

    Raises:
        ValueError: It is one of them, or cannot be written.
    """
    parents = {Path(source.place).parent for source in sources if source.kind in ("image", "video")}
    if output.resolve() in {parent.resolve() for parent in parents}:
        raise ValueError(f"Expected another folder for output=… than one that images are read from but got {output}.")
    return make_output_folder(output)


def expect_own_files(folder: Path, names: Iterable[str]) -> None:
    """Refuses a folder in which a file has one of these names that no earlier call wrote.

    Args:
        folder: Of the output; it may not exist yet.
        names: Of files that this call will write, relative to the folder.

    Raises:
        NotWritten: There is such a file.
    """
    there = {path: name for name in names for path in _files_of(folder / name) if os.path.lexists(path)}
    if not there:
        return
    wanted = set(there.values())
    ours = {name for name in _earlier_names(folder) if isinstance(name, str) and name in wanted and _own(folder, name)}
    for path, name in there.items():
        if name not in ours or not path.is_file() or path.is_symlink():
            raise _is_not_ours(path)


def _is_not_ours(path: Path) -> NotWritten:
    return NotWritten(
        f"Expected to write {path} but a file that no earlier `lssd predict` wrote is there: give another folder as "
        "output=…, or move the file."
    )


def _files_of(path: Path) -> tuple[Path, Path, Path]:
    """An output file, and those in which it may grow until it is complete."""
    return path, path.with_name(path.name + PART), path.with_name(f"{path.stem}{PART}{path.suffix}")


def remove_earlier(folder: Path) -> None:
    """Removes what an earlier call wrote there, by its list, and folders that are empty then; nothing else.

    Args:
        folder: Of the output. A list that somebody else wrote removes nothing elsewhere, and no file of another kind.
    """
    parents: set[Path] = set()
    for name in _earlier_names(folder):
        if (path := _own(folder, name)) is not None:
            for each in _files_of(path):
                if each.is_file() and not each.is_symlink():
                    each.unlink()
            parents.add(path.parent)
    for parent in sorted(parents, reverse=True):
        _remove_empty(parent, folder)
    (folder / _WRITTEN).unlink(missing_ok=True)


def _remove_empty(parent: Path, folder: Path) -> None:
    while parent != folder:
        try:
            parent.rmdir()
        except OSError:  # it holds something else
            return
        parent = parent.parent


def _own(folder: Path, name: object) -> Path | None:
    """The place of a name in the folder, if it is one that we would have written."""
    if not isinstance(name, str) or "\0" in name or PurePosixPath(name).suffix not in _ENDINGS:
        return None
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts:
        return None
    path = folder.joinpath(*parts)
    inside = os.path.realpath(folder)
    return path if os.path.realpath(path.parent) == os.path.join(inside, *parts[:-1]).rstrip("/") else None  # noqa: PTH118


def _earlier_names(folder: Path) -> Iterator[object]:
    """Names in the list; those of version 0.2, which had none, in the JSON of the detections."""
    try:
        with (folder / _WRITTEN).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # of a call that was killed
                    yield json.loads(line)
    except OSError:
        yield from _names_in_results(folder / RESULTS)


def _names_in_results(results: Path) -> Iterable[object]:
    try:
        entries = json.loads(results.read_text())
        names = {str(entry["picture"]) for entry in entries if {"file", "picture", "detections"} <= entry.keys()}
    except (OSError, ValueError, TypeError, AttributeError):  # there is none, or it is somebody else's
        return ()
    return (*(name for name in names if name.endswith(".jpg") and "/" not in name), results.name)
