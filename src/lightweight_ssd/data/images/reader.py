"""The one reader of image files: RGB, 8 bits, and never half an image.

OpenCV is fast, but it is forgiving where a detector's data must not be: a JPEG cut short decodes to gray rows without
a word, and the EXIF orientation turns the image while the boxes stay. Both are settled here, once. A JPEG without any
flaw goes through simplejpeg, which gives the same pixels in four fifths of the time; whatever it refuses, OpenCV gets.
"""

import os
import stat
import struct
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from jaxtyping import UInt8

__all__ = ["decode_image", "expect_image", "is_cut_short", "read_image"]

_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_TURNED = cv2.IMREAD_COLOR_RGB
_BEGINNINGS = (b"\xff\xd8", b"\x89PNG", b"BM", b"RIFF", b"II*\0", b"MM\0*")  # JPEG, PNG, BMP, WebP, TIFF
_MOST_PIXELS = 1 << 30  # OpenCV's own limit, so that a small file cannot ask for all memory


def read_image(
    path: str | Path, expected_size: tuple[int, int] | None = None, upright: bool = False
) -> UInt8[np.ndarray, "H W 3"]:
    """Reads an image file as contiguous RGB, 0 to 255; grayscale is repeated, 16 bits are scaled, alpha is dropped.

    The pixels are taken as stored, without the EXIF rotation, because boxes are drawn on stored pixels. Where only the
    rotated image has the size in the annotation, the boxes were drawn on that one, and it is returned.

    Args:
        path: A file that OpenCV can decode: JPEG, PNG, BMP, WebP, TIFF.
        expected_size: (height, width) in the annotation; None takes any size.
        upright: Turn as EXIF says, as viewers do: for photographs that have no annotation.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no image, is cut short, or has another size than expected; one that says so at its
            beginning is not decoded, so that it takes no memory.
    """
    return decode_image(_read_bytes(path), path, expected_size, upright)


def decode_image(
    data: bytes, path: str | Path, expected_size: tuple[int, int] | None = None, upright: bool = False
) -> UInt8[np.ndarray, "H W 3"]:
    """The same of a file's content that is in memory already.

    Args:
        data: Content of an image file.
        path: What an error calls it.
        expected_size: As for `read_image`.
        upright: As for `read_image`.

    Raises:
        ValueError: As `read_image`.
    """
    if is_cut_short(data):
        raise ValueError(f"Expected a whole image in {path}, but the file is truncated: copy or download it again.")
    size = _announced_size(data)
    if expected_size is not None and size is not None and sorted(size) != sorted(expected_size):
        raise _other_size(path, size, expected_size)
    image = _decode(data, path, _TURNED if upright else _STORED)
    if expected_size is None or image.shape[:2] == tuple(expected_size):
        return image
    if image.shape[1::-1] == tuple(expected_size):
        turned = _decode(data, path, _TURNED)
        if turned.shape[:2] == tuple(expected_size):
            return turned
    raise _other_size(path, (image.shape[0], image.shape[1]), expected_size)


def _other_size(path: str | Path, size: tuple[int, int], expected: tuple[int, int]) -> ValueError:
    return ValueError(
        f"Expected {path} to be {expected[1]}x{expected[0]} pixels (width x height) as its annotation says, "
        f"but it is {size[1]}x{size[0]}: put the image that was annotated there, or annotate this one."
    )


def expect_image(path: str | Path) -> None:
    """Refuses a file that does not begin as an image, whoever named it as one; nothing is decoded.

    Raises:
        FileNotFoundError, ValueError: As `read_image`.
    """
    beginning = _read_bytes(path, 4)
    if beginning and not beginning.startswith(_BEGINNINGS):  # an empty one gives nothing away
        raise ValueError(f"Expected an image in {path}, but it is none: take it out of the list.")


def _read_bytes(path: str | Path, count: int = -1) -> bytes:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  # before it is opened: that would wait for a pipe's other end
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise ValueError(f"Expected an image at {path}, but that is a device or a pipe: name a file.")
        with open(path, "rb", buffering=0) as file:  # it is read whole: a buffer would only be copied from
            return file.readall() if count < 0 else file.read(count)
    except FileNotFoundError:
        raise FileNotFoundError(f"Expected an image at {path}, but there is no such file: put it there.") from None
    except IsADirectoryError:
        raise ValueError(f"Expected an image at {path}, but that is a folder: name a file in it.") from None


def _decode(data: bytes, path: str | Path, flags: int) -> UInt8[np.ndarray, "H W 3"]:
    if (flags == _STORED or not _has_exif(data)) and (image := _decode_flawless_jpeg(data)) is not None:
        return image
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags) if data else None
    except cv2.error:  # raised, rather than None returned, for sizes beyond OpenCV's limit
        image = None
    if image is None:
        raise ValueError(
            f"Expected an image in {path}, but it cannot be decoded: replace it, or take it out of the list."
        )
    return image  # pyright: ignore[reportReturnType]


def _announced_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) in the header of a JPEG or PNG; None where there is none, or the file is of another kind."""
    try:
        if data.startswith(b"\x89PNG"):
            width, height = struct.unpack_from(">II", data, 16)
            return height, width
        if data.startswith(b"\xff\xd8"):
            height, width, *_ = simplejpeg.decode_jpeg_header(data)
            return int(height), int(width)
    except (ValueError, struct.error):
        pass  # the decoder has the last word
    return None


def _decode_flawless_jpeg(data: bytes) -> UInt8[np.ndarray, "H W 3"] | None:
    """None for what is no JPEG, in other colors than RGB or gray, too large, or damaged in any way."""
    if not data.startswith(b"\xff\xd8"):
        return None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
        if colors not in ("YCbCr", "Gray", "RGB") or int(height) * int(width) > _MOST_PIXELS:
            return None
        return simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        return None


def is_cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end; costs microseconds, since a whole file ends with its end marker."""
    if data.startswith(b"\xff\xd8"):
        # An EXIF thumbnail is a JPEG with an end marker of its own: only one after the start of the scan counts, where
        # encoded pixels cannot imitate it (a 0xff among them is always followed by 0x00 or a restart marker).
        return data.rfind(b"\xff\xd9") < _scan_start(data)
    if data.startswith(b"\x89PNG"):
        return data.rfind(b"IEND") < 0
    return False


def _has_exif(data: bytes) -> bool:
    """Whether a JPEG may say that it lies on its side."""
    return b"Exif\0\0" in data[: _scan_start(data)]


def _scan_start(data: bytes) -> int:
    """Byte at which a JPEG's first scan begins: header segments are stepped over by their lengths."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        is_fill = data[position + 1] == 0xFF
        position += 1 if is_fill else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position
