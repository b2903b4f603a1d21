"""The one way to read a JSON file of any origin: mapped, decoded into types, and what is wrong said in one sentence.

The file is mapped into memory and decoded by msgspec into the types that the caller names, so that fields that are not
asked for are stepped over and never become Python objects. `NaN` and `Infinity`, which Python's json writes and JSON
does not know, become a number out of range: they are an error of their entry, not of the file.
"""

import mmap
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

__all__ = ["DECODE_ERRORS", "decode_file", "describe_error", "read_file_names"]

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the decoder raises on bytes from anywhere."""

# A string, which is kept as it is, or one of the names that Python's json writes and JSON does not have.
_NO_NUMBER = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity', re.DOTALL)

_Content = TypeVar("_Content")


class _Image(msgspec.Struct):
    file_name: str


class _Images(msgspec.Struct):
    images: list[_Image]


def decode_file(
    path: Path,
    kind: type[_Content] | Any,
    what: str = "a COCO instances file",
    holds: str = "images, annotations and categories",
    if_missing: str = "put it there, or set data.root and the file of the split",
    if_wrong: str = "correct it or download it again",
) -> _Content:
    """Reads a JSON file into a type, UTF-8 with or without a byte order mark.

    Args:
        path: The file.
        kind: What msgspec decodes it into: a Struct, `list[…]` of one, …; `msgspec.Raw` leaves an entry undecoded.
        what: What the file should be, for the errors.
        holds: What stands in such a file, for the errors.
        if_missing: Advice where there is no file.
        if_wrong: Advice where its content is not of that type.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, cannot be read, is not JSON, or does not hold what is expected.
    """
    data = _map(path, what, if_missing)
    try:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.json.decode(_without_nan(data), type=kind)
    except DECODE_ERRORS as error:
        raise ValueError(
            f"Expected {what} in {path}, with {holds}, but {describe_error(error)}: {if_wrong}."
        ) from error


def read_file_names(path: Path) -> list[str]:
    """The `file_name` of each image of a COCO instances file, in its order.

    Raises:
        FileNotFoundError, ValueError: As `decode_file`.
    """
    return [image.file_name for image in decode_file(path, _Images, holds="images").images]


def describe_error(error: Exception) -> str:
    """An error of the decoder as the middle of a sentence."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it holds text that is not UTF-8 (byte 0x{error.object[error.start]:02x})"
    text = str(error).replace("Number out of range", "a number is NaN, infinite or too large")
    return text if text[1:2].isupper() else text[0].lower() + text[1:]


def _map(path: Path, what: str, if_missing: str) -> memoryview:
    try:
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b"")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected {what} at {path.absolute()}, but there is no such file: {if_missing}."
        ) from None
    except IsADirectoryError:
        raise ValueError(f"Expected {what} at {path}, but that is a folder: name a file in it.") from None
    except OSError as error:
        raise ValueError(f"Expected {what} at {path}, but {error.strerror}: make it readable.") from error
    return whole[3:] if whole[:3] == b"\xef\xbb\xbf" else whole


def _without_nan(data: memoryview) -> bytes:
    """The same text with numbers out of range for NaN and Infinity: they spoil their entry instead of the file."""
    return _NO_NUMBER.sub(lambda found: found[0] if found[0].startswith(b'"') else b"1e999", data)
