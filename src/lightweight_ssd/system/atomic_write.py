"""Files that are whole at any moment: written beside their place and swapped in, whatever cuts the writing short.

A process that is killed, or a disk that is full, leaves the file as it was before. A rename inside one folder is the
only step that others see; a temporary folder would not do, since it may lie on another file system, from which a file
is copied, not renamed.
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path

__all__ = ["PART", "NotWritten", "write_atomic"]

PART = ".part"  # ending of a file that is being written
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # of file systems that know no syncing of folders


class NotWritten(ValueError):
    """A file could not be written; what stood in its place before is untouched."""


def write_atomic(path: Path, content: bytes | memoryview, durable: bool = False, shared: bool = False) -> None:
    """Writes a file so that a reader meets the whole old one or the whole new one.

    Args:
        path: File to write; its folder exists.
        content: What it is to hold.
        durable: Waits until the disk has it, so that it also outlives a power cut.
        shared: Another process may write the same file now; the last one to end wins. What a killed process leaves
            beside the file then stays, where the next writing removes it otherwise.

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
        raise NotWritten(_sentence(path, len(content), error)) from error


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


def _sentence(path: Path, size: int, error: OSError) -> str:
    try:
        room = f"; {shutil.disk_usage(path.parent).free / 1e6:.1f} MB are free"
    except OSError:
        room = ""
    return (
        f"Expected to write {path} ({size / 1e6:.1f} MB), but got '{error.strerror}'{room}: "
        "make room, or choose another disk; what the file held before is untouched."
    )
