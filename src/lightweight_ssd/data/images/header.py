"""The size of an image from the first bytes of its file."""

from pathlib import Path

from PIL import Image

from lightweight_ssd.data.images.reader import read_image

__all__ = ["read_size"]


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
