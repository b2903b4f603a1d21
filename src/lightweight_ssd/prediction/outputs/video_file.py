"""A video that is written frame by frame, and is playable under its name or not there."""

import contextlib
import shutil
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.system.atomic_write import PART, NotWritten

__all__ = ["VideoFile"]

_CODEC = "mp4v"  # MPEG-4 part 2: what every build of OpenCV writes, and players of files, but no browser, play
_FRAMES_PER_CHECK = 25
_LEAST_FREE = 4_000_000  # bytes that are left on the disk, in which a file finds its end


class VideoFile:
    """Frames go to a file beside the place; `close` ends it and puts it there. It has no sound.

    Args:
        path: File to write, ending in `.mp4`; its folder exists.
        rate: Frames per second.
        size: (height, width) of the frames, pixels; an odd one is made even, as the codec needs it, by repeating the
            last row or column.

    Raises:
        NotWritten: It cannot be written.
    """

    def __init__(self, path: Path, rate: float, size: tuple[int, int]) -> None:
        self.path, self._part = path, path.with_name(f"{path.stem}{PART}{path.suffix}")
        self._size, self._count = size, 0
        self._expect_room()
        height, width = (each + each % 2 for each in size)
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        self._writer = cv2.VideoWriter(str(self._part.absolute()), cv2.CAP_FFMPEG, codec, rate, (width, height))
        if not self._writer.isOpened():
            self._discard()
            raise NotWritten(
                f"Expected to write {path} with {width}×{height} pixels but it cannot be begun: choose another folder, "
                "or leave images out of save=[…]."
            )

    def add(self, frame: UInt8[np.ndarray, "H W 3"]) -> None:
        """Appends a frame, RGB; one of another size, as a stream may change it, is resized.

        Raises:
            NotWritten: The disk is nearly full; the frames before are kept.
        """
        if self._count % _FRAMES_PER_CHECK == 0:
            self._expect_room()
        height, width = self._size
        if frame.shape[:2] != self._size:
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        if height % 2 or width % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self._count += 1

    def close(self) -> None:
        """Ends the file and gives it its name, if all frames are in it.

        Raises:
            NotWritten: They are not; nothing is left of it.
        """
        self._writer.release()
        try:
            if self._frames_inside() != self._count:
                raise NotWritten(
                    f"Expected to write {self.path} with {self._count} frames but they are not all there: make room, "
                    "or choose another disk."
                )
            self._part.replace(self.path)
        except OSError as error:
            raise NotWritten(
                f"Expected to write {self.path} but got '{error.strerror}': choose another folder."
            ) from error
        finally:
            self._discard()

    def _frames_inside(self) -> int:
        """As the end of the file says: an encoder does not tell whether there was room."""
        written = cv2.VideoCapture(str(self._part.absolute()), cv2.CAP_FFMPEG)
        try:
            return int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else -1
        finally:
            written.release()

    def _expect_room(self) -> None:
        free = shutil.disk_usage(self.path.parent).free
        if free < _LEAST_FREE:
            raise NotWritten(
                f"Expected room to write {self.path} but the disk is full ({free / 1e6:.1f} MB are free): make room, "
                "or choose another disk."
            )

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._part.unlink()
