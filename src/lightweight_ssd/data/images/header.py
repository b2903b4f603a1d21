"""The size of an image from the first bytes of its file."""

import warnings
from pathlib import Path

from PIL import Image

from lightweight_ssd.data.images.reader import read_image

__all__ = ["count_pictures", "read_orientation", "read_size"]

_HOLD_SEVERAL = (".gif", ".webp", ".png", ".avif", ".tif", ".tiff")
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 5 to 8 swap width and height
_TURNED_BY_VIEWERS = ("JPEG", "MPO")  # what cameras write


def read_size(path: Path) -> tuple[int, int] | None:
    """(height, width) as stored, without EXIF's rotation; None for what is no image.

    What Pillow does not know is decoded, by the reader that training has.

    Args:
        path: Image file.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except Exception:  # Pillow's parsers raise nearly anything on hostile bytes
        pass
    try:
        height, width, _ = read_image(path).shape
    except (OSError, ValueError):
        return None
    return height, width


def count_pictures(path: Path) -> int:
    """How many pictures a file holds: of an animation its frames, of a TIFF its pages; 1 where nobody can tell.

    Args:
        path: Image file.
    """
    if path.suffix.lower() not in _HOLD_SEVERAL:
        return 1
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:  # of large ones; none is decoded
            return int(getattr(image, "n_frames", 1))
    except Exception:  # as above
        return 1


def read_orientation(path: Path) -> int:
    """How a photograph is turned by viewers: EXIF's orientation, 1 to 8; 1 (upright) for any other file.

    Args:
        path: Image file.
    """
    try:
        with Image.open(path) as image:
            tag = image.getexif().get(_ORIENTATION, 1) if image.format in _TURNED_BY_VIEWERS else 1
    except Exception:  # Pillow's parsers raise nearly anything on hostile bytes
        return 1
    return tag if tag in range(1, 9) else 1
