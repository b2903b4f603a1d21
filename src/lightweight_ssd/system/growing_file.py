"""A text file that is written entry by entry, however long it becomes, and is complete under its name or not there."""

import contextlib
from pathlib import Path

from lightweight_ssd.system.atomic_write import PART, not_written

__all__ = ["GrowingFile"]


class GrowingFile:
    """Entries go to a file beside the place, with `.part` at the end of its name; `close` puts it there.

    Attributes:
        path: Where it will be.

    Args:
        path: File to write; its folder exists.
        head: What comes before the first entry.
        tail: What comes after the last one.
        between: What comes between two.

    Raises:
        NotWritten: Here and in the methods: the disk is full, or cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = GrowingFile(Path(folder) / "a.json", "[", "]", ",")
        ...     file.add("1")
        ...     file.add("2")
        ...     file.close()
        ...     file.path.read_text()
        '[1,2]'
    """

    def __init__(self, path: Path, head: str = "", tail: str = "", between: str = "") -> None:
        self.path, self._part = path, path.with_name(path.name + PART)
        self._before, self._between, self._tail = head, between, tail
        try:
            self._file = self._part.open("wb", buffering=0)  # a buffer would try again what found no room
        except OSError as error:
            raise not_written(path, 0, error) from error
        self._whole = 0  # bytes up to the end of the last entry that is there whole

    def add(self, entry: str) -> None:
        """Writes an entry; a name that is not UTF-8 keeps its bytes."""
        content = f"{self._before}{entry}".encode(errors="surrogateescape")
        try:
            self._write(content)
        except OSError as error:
            raise not_written(self.path, self._whole + len(content), error) from error
        self._whole += len(content)
        self._before = self._between

    def close(self) -> None:
        """Ends the file after its last whole entry, and gives it its name."""
        end = (self._before if not self._whole else "") + self._tail
        try:
            self._file.seek(self._whole)
            self._file.truncate()
            self._write(end.encode())
            self._file.close()
            self._part.replace(self.path)
        except OSError as error:
            self.discard()
            raise not_written(self.path, self._whole, error) from error

    def discard(self) -> None:
        """Leaves nothing of it."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink()

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
