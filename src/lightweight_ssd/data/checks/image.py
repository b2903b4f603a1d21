"""One image file: can training read it, is it as large as annotated, and is it of a kind that surprises?

Nothing is decoded where the header says enough, and where it does not, training's own reader has the last word. This
module imports no torch: it is loaded again by every process that checks.
"""

import hashlib
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from lightweight_ssd.data.checks.problems import Kind
from lightweight_ssd.data.images.reader import is_cut_short, read_image

__all__ = ["ImageReport", "ListedImage", "check_image"]

_TELL_THEIR_END = ("JPEG", "PNG")  # of other files only the decoder knows whether they are whole
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 5 to 8 swap width and height
_GRAY_MODES = ("1", "L", "LA")
_PNG_BIT_DEPTH = 24  # byte in the file: signature 8, chunk head 8, width 4, height 4


class ListedImage(NamedTuple):
    """An image that a split names.

    Attributes:
        path: Image file.
        size: (height, width) in the annotation, pixels; None where that says nothing usable.
        splits: Which splits name it.
    """

    path: str
    size: tuple[int, int] | None
    splits: frozenset[str]


class ImageReport(NamedTuple):
    """What was found in one file.

    Attributes:
        digest: Hash of the file's content; empty where it could not be read.
        findings: Kind and detail of each.
    """

    digest: bytes
    findings: tuple[tuple[Kind, str], ...]


def check_image(image: ListedImage, decode: bool = False) -> ImageReport:
    """Looks at one image file.

    Args:
        image: The file, and the size that it should have.
        decode: Also decode its pixels as training does, which takes ten times as long.
    """
    try:
        data = Path(image.path).read_bytes()
    except FileNotFoundError:
        return ImageReport(b"", ((Kind.MISSING_IMAGE, "there is no such file"),))
    except OSError as error:
        return ImageReport(b"", ((Kind.UNREADABLE_IMAGE, error.strerror or str(error)),))
    digest = hashlib.sha1(data, usedforsecurity=False).digest()  # the fastest here: processors know it
    if is_cut_short(data):
        return ImageReport(digest, ((Kind.TRUNCATED_IMAGE, f"its end is missing after {len(data):,} bytes"),))
    header = _read_header(data, image.size)
    findings = [] if header is None else header.findings
    enough = header is not None and header.format in _TELL_THEIR_END and image.size in (None, header.size)
    if decode or not enough:
        findings += _decode(image)
    return ImageReport(digest, tuple(findings))


class _Header(NamedTuple):
    format: str
    size: tuple[int, int]
    findings: list[tuple[Kind, str]]


def _read_header(data: bytes, annotated: tuple[int, int] | None) -> _Header | None:
    """What the first bytes say; None where Pillow does not know them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large images and odd EXIF data, which the decoder handles
            with Image.open(io.BytesIO(data)) as image:
                findings = list(_describe(image, data, annotated))
                return _Header(str(image.format), (image.height, image.width), findings)
    except Exception:  # Pillow's parsers raise nearly anything on hostile bytes
        return None


def _describe(image: Image.Image, data: bytes, annotated: tuple[int, int] | None) -> Iterator[tuple[Kind, str]]:
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation in range(2, 9):
        stored = annotated in (None, (image.height, image.width))
        drawn_on = "as stored, not turned" if stored else "turned upright"
        yield Kind.ROTATED, f"orientation {orientation}; boxes are taken as drawn on the image {drawn_on}"
    if (image.format == "PNG" and data[_PNG_BIT_DEPTH] == 16) or image.mode.startswith("I"):
        yield Kind.SIXTEEN_BITS, "read as 8 bits"
    if image.mode in _GRAY_MODES or image.mode.startswith("I"):
        yield Kind.GRAYSCALE, "read as three equal channels"
    if image.mode == "CMYK":
        yield Kind.CMYK, "read as RGB"


def _decode(image: ListedImage) -> Iterator[tuple[Kind, str]]:
    """Reads as training does."""
    with _said_by_decoders() as said:
        error = _reading_error(image.path, image.size)
        decodes = error is None or _reading_error(image.path, None) is None
    if error is not None:
        yield (Kind.OTHER_SIZE if decodes else Kind.UNREADABLE_IMAGE), error
    elif said:
        yield Kind.DAMAGED_PIXELS, said[0]


def _reading_error(path: str, size: tuple[int, int] | None) -> str | None:
    try:
        read_image(path, size)
    except (ValueError, OSError) as error:
        return str(error)
    return None


@contextmanager
def _said_by_decoders() -> Iterator[list[str]]:
    """Collects what libjpeg says of damaged pixels: it continues with gray ones and reports to standard error only."""
    said: list[str] = []
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            lines = file.read().decode(errors="replace").splitlines()
            said += [line for line in lines if "JPEG" in line]
