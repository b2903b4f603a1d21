"""What each output is given of a picture, and pictures as JPEG."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg
from jaxtyping import UInt8

from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.frames import Moment
from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["Picture", "write_jpeg"]

_QUALITY = 92
_LONGEST_SIDE = 65_500  # of a JPEG, pixels


class Picture(NamedTuple):
    """A picture with its detections, on its way to the outputs.

    Attributes:
        found: With the pixels.
        stem: Of its source, for the names of files; each source has another.
        moment: Where it is in its video; None for what is no video.
        drawn: Name of the file in which it is drawn; None where none is written.
    """

    found: ImageDetections
    stem: str
    moment: Moment | None = None
    drawn: str | None = None

    @property
    def name(self) -> str:
        """For its own files, without an ending: those of a video have a folder, so that no image has the same name."""
        return self.stem if self.moment is None else f"{self.stem}/{self.moment.number:06}"


def write_jpeg(pixels: UInt8[np.ndarray, "H W 3"], path: Path) -> None:
    """Writes a JPEG, whole or not at all.

    Raises:
        NotWritten: The disk is full or cannot be written.
        ValueError: JPEG has no pictures that large.
    """
    if max(pixels.shape[:2]) > _LONGEST_SIDE:
        height, width = pixels.shape[:2]
        raise ValueError(
            f"Expected at most {_LONGEST_SIDE} pixels a side to write {path} but it is {width}×{height}; divide the "
            "image, or leave images and crops out of save=[…]."
        )
    pixels = np.ascontiguousarray(pixels)
    write_atomic(path, simplejpeg.encode_jpeg(pixels, _QUALITY, "RGB", colorsubsampling="420"))
