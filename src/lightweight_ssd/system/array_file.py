"""Arrays in one file that is checked when it is opened and then mapped: all processes that read it share its pages.

NumPy's own .npz can only be copied into memory, in small pieces. Here a line with the checksum (CRC-32) of all that
follows comes first, then a line of JSON with texts and each array's name, type and shape, then the arrays as they lie
in memory. Each of these parts begins at a multiple of 64 bytes.
"""

import json
import mmap
import os
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8

__all__ = ["read_arrays", "write_arrays"]

_ALIGNMENT = 64  # bytes: a processor's cache line, and more than any element needs
_KINDS = "biuf"  # of element types: numbers and booleans, whose bytes mean nothing but themselves
_PIECE = 1 << 18  # bytes that stay in the processor's cache from being read to being checked


def write_arrays(path: Path, texts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a file atomically; a process that has an older one mapped keeps that one.

    Args:
        path: File to write; its folder exists.
        texts: Values that JSON can hold.
        arrays: Arrays of numbers or booleans.

    Raises:
        OSError: The disk is full, the folder cannot be written, …; nothing half-written is left behind.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_arrays(Path(folder) / "a", {"unit": "pixels"}, {"sizes": np.array([[3, 4]])})
        ...     texts, arrays = read_arrays(Path(folder) / "a")
        >>> texts, arrays["sizes"].tolist()
        ({'unit': 'pixels'}, [[3, 4]])
    """
    # In pieces, which write_atomic does not take. The name is this call's own: ranks write at once, and what one has
    # moved to its place and others have mapped must not be opened for writing again.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.writelines(_parts(texts, arrays))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads the texts and arrays of a file; the arrays are read-only, and do not change when the file is replaced.

    They are mapped where the file system is on a local disk. Elsewhere they are copied: on network file systems, where
    a server may delete a file that was replaced, which kills every process that has it mapped, and on those that look
    alike (in memory, btrfs, ZFS, a container's overlay).

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be read.
        ValueError: It is damaged, by as little as one byte, of another kind, or holds more than numbers and booleans.
    """
    with path.open("rb") as file:
        content = _map_checked(file) if _is_local(file) else _copy_checked(file)
        file.seek(_ALIGNMENT)
        line = file.readline()
    try:
        head = json.loads(line)
        return dict(head["texts"]), _arrays(head["arrays"], content, _ALIGNMENT + len(line))
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"its second line does not describe its arrays ({error})") from error


def _arrays(described: Any, content: UInt8[np.ndarray, " F"], place: int) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, dtype, shape in described:
        if np.dtype(dtype).kind not in _KINDS:  # pointers, for one, would be followed
            raise ValueError(f"{name} is of the type {dtype}, neither numbers nor booleans")
        arrays[name] = np.ndarray(shape, dtype, content, place)
        place += arrays[name].nbytes + -arrays[name].nbytes % _ALIGNMENT
    return arrays


def _parts(texts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """The content in pieces, since joining them would hold large arrays twice."""
    described = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    parts: list[bytes | memoryview] = [_line(json.dumps({"texts": texts, "arrays": described}))]
    for array in arrays.values():
        parts += [np.ascontiguousarray(array).data, bytes(-array.nbytes % _ALIGNMENT)]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return [_first_line(checksum), *parts]


def _line(text: str) -> bytes:
    """A line that is a multiple of the alignment long."""
    return text.encode("ascii") + b" " * (-(len(text) + 1) % _ALIGNMENT) + b"\n"


def _first_line(checksum: int) -> bytes:
    return _line(f"lightweight-ssd arrays 1, checksum {checksum:08x}")


def _is_local(file: BinaryIO) -> bool:
    return os.major(os.fstat(file.fileno()).st_dev) != 0  # file systems without a device of their own have 0


def _map_checked(file: BinaryIO) -> UInt8[np.ndarray, " F"]:
    """Reads before it maps: a disk that fails is then an error, not the end of the process."""
    first_line, checksum, piece = file.read(_ALIGNMENT), 0, memoryview(bytearray(_PIECE))
    while count := file.readinto(piece):  # pyright: ignore[reportAttributeAccessIssue]
        checksum = zlib.crc32(piece[:count], checksum)
    _check(first_line, checksum)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def _copy_checked(file: BinaryIO) -> UInt8[np.ndarray, " F"]:
    content = np.fromfile(file, np.uint8)
    content.flags.writeable = False
    _check(content[:_ALIGNMENT].tobytes(), zlib.crc32(content[_ALIGNMENT:].data))
    return content


def _check(first_line: bytes, checksum: int) -> None:
    if first_line != _first_line(checksum):
        raise ValueError("its checksum is not that of its content")
