"""Atomic writes: a file is written beside its place and renamed, so that it is complete at any moment.

A process that is killed, or a disk that is full, leaves the file as it was before. The rename inside one folder is the
only step that other processes see. A temporary folder would not do: it may be on another file system, from which a file
is copied, not renamed.
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path

from lightweight_ssd.system.disk_space import format_bytes

__all__ = ["PART", "NotWritten", "not_written", "write_atomic"]

PART = ".part"  # ending of a file that is being written
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # errors of file systems that cannot sync a folder


class NotWritten(ValueError):
    """A file could not be written; what stood in its place before is untouched."""


def write_atomic(path: Path, content: bytes | memoryview, durable: bool = False, shared: bool = False) -> None:
    """Writes a file so that a reader sees either the old content or the new one, always complete.

    Args:
        path: File to write; its folder exists.
        content: The new content.
        durable: Waits until it is on the disk, so that it also survives a power cut.
        shared: Another process may write the same file at the same time; the last one to finish wins. The part that
            a killed process leaves then stays, where otherwise the next write removes it.

    Raises:
        NotWritten: The disk is full, the folder cannot be written, …; nothing half-written is left behind.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomic(Path(folder) / "a.txt", b"whole")
        ...     [(path.name, path.read_text()) for path in Path(folder).iterdir()]
        [('a.txt', 'whole')]
    """
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}" if shared else path.name + PART)
    try:
        with part.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise not_written(path, len(content), error) from error


def _sync_folder(folder: Path) -> None:
    """Makes the new name as durable as the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def not_written(path: Path, size: int, error: OSError) -> NotWritten:
    """The error of a file that cannot be written, with the room that there is.

    Args:
        path: File that was to be written.
        size: Of its content, bytes.
        error: Of the operating system.
    """
    try:
        room = f"; {format_bytes(shutil.disk_usage(path.parent).free)} are free"
    except OSError:
        room = ""
    return NotWritten(
        f"Expected to write {path} ({format_bytes(size)}), but got '{error.strerror}'{room}: "
        "make room, or choose another disk; what the file held before is untouched."
    )
