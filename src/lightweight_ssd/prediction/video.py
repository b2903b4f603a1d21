"""Frames of a video file or a camera, one after another, by the FFmpeg that is inside OpenCV."""

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # it writes to the terminal, past Python; we say what is wrong

import cv2
import numpy as np
from jaxtyping import UInt8

__all__ = ["Limits", "Video", "VideoFrame", "is_video"]

_USUAL_RATE, _HIGHEST_RATE = 25.0, 1000.0
_TOLERANCE = 0.02  # share of its length by which a file may misjudge it
# How the containers begin that are read, by place. FFmpeg itself would also follow play lists to other files, and to
# servers, whatever the file is called.
_BEGINNINGS = (
    (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"), (4, b"skip"),  # MP4, MOV, 3GP
    (8, b"AVI "), (0, b"\x1aE\xdf\xa3"), (0, b"FLV\x01"), (0, b"0&\xb2u\x8ef\xcf\x11"),  # AVI, MKV and WebM, FLV, WMV
    (0, b"OggS"), (0, b"\0\0\x01\xba"), (0, b"\0\0\x01\xb3"),  # OGV, MPEG
)  # fmt: skip
_TRANSPORT = ((0, 188), (4, 192))  # offset and length of a packet of an MPEG transport stream, each begins with G
_HEAD = 400  # bytes


class Limits(NamedTuple):
    """How much of a video is looked at.

    Attributes:
        stride: Every so many frames one.
        max_frames: So many at most; None = all.
        max_seconds: From its beginning; None = all.
    """

    stride: int = 1
    max_frames: int | None = None
    max_seconds: float | None = None


class VideoFrame(NamedTuple):
    """A picture of a video.

    Attributes:
        pixels: RGB, upright.
        number: In the video, from 0.
        seconds: Since the first one.
    """

    pixels: UInt8[np.ndarray, "H W 3"]
    number: int
    seconds: float


def is_video(path: Path) -> bool:
    """Whether a file begins as a video does, in one of the containers that are read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if any(head[place:].startswith(mark) for place, mark in _BEGINNINGS):
        return True
    return any(head[place : place + 1] == head[place + size : place + size + 1] == b"G" for place, size in _TRANSPORT)


class Video:
    """A video file or a camera, opened; its frames can be read once.

    Attributes:
        rate: Frames per second.
        expected: Frames that will be read with the limits, as far as the file knows; None for a camera.
        note: What went wrong on the way, in one sentence; empty as long as nothing did.

    Args:
        place: Path of a file, or number of a camera.
        limits: How much of it is read.
        name: What a sentence calls it.

    Raises:
        ValueError: It is no video, or there is no such camera.
        FileNotFoundError: There is no such file.
    """

    def __init__(self, place: Path | int, limits: Limits, name: str) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._limits, self._name, self._live, self.note = limits, name, isinstance(place, int), ""
        self._capture = _camera(place) if isinstance(place, int) else _file(place, name)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < _HIGHEST_RATE else _USUAL_RATE
        said = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._said = int(said) if not self._live and 0 < said < 1 << 40 else None
        self.expected = self._expected()

    @property
    def rate_drawn(self) -> float:
        """Frames per second of those that are read, so that they play as fast as the video does."""
        return self.rate / self._limits.stride

    def frames(self) -> Generator[VideoFrame, None, None]:
        """Its frames, and the end of it: at the limits, the end of the file, or what cannot be read of it.

        Raises:
            ValueError: Not one frame can be read.
        """
        try:
            yield from self._read()
        finally:
            self._capture.release()

    def _read(self) -> Iterator[VideoFrame]:
        index = taken = 0
        started, seconds = time.monotonic(), 0.0
        stride, most, longest = self._limits
        while most is None or taken < most:
            if not self._capture.grab():
                self._say_if_too_early(index, seconds)
                return
            seconds = self._seconds(started)
            if longest is not None and seconds >= longest:
                return
            if index % stride == 0:
                read, picture = self._capture.retrieve()
                if not read:
                    self._say_if_too_early(index, seconds)
                    return
                yield VideoFrame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), index, seconds)
                taken += 1
            index += 1

    def _seconds(self, started: float) -> float:
        return time.monotonic() - started if self._live else max(self._capture.get(cv2.CAP_PROP_POS_MSEC), 0.0) / 1000

    def _expected(self) -> int | None:
        stride, most, longest = self._limits
        if self._said is None:
            return most
        count = self._said if longest is None else min(self._said, int(np.ceil(longest * self.rate)))
        return min(-(-count // stride), most or count)

    def _say_if_too_early(self, index: int, seconds: float) -> None:
        """The container says how long it is; a file that was cut short has less."""
        if not index:
            raise ValueError(f"Expected a video in {self._name}, but not one frame of it can be read: copy it again.")
        if self._said is None:
            return
        missing = self._said / self.rate - (seconds + 1 / self.rate)
        if missing > max(2 / self.rate, _TOLERANCE * self._said / self.rate):
            self.note = (
                f"{self._name} ended after {index} of {self._said} frames: it is truncated or damaged, and what could "
                "be read is used."
            )


def _file(path: Path, name: str) -> cv2.VideoCapture:
    if not path.is_file():
        raise FileNotFoundError(f"Expected a video at {name}, but there is no such file: put it there.")
    if not is_video(path):
        raise ValueError(f"Expected a video in {name}, but it begins as none (mp4, avi, mov, mkv, …): convert it.")
    # No other reader of OpenCV: one takes a name with digits for a series of images. And no name that is a protocol.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(f"Expected a video in {name}, but it cannot be read: copy it again, or convert it.")
    return capture


def _camera(number: int) -> cv2.VideoCapture:
    try:
        capture = cv2.VideoCapture(number)
    except cv2.error:
        capture = None
    if capture is None or not capture.isOpened():
        raise ValueError(f"Expected a camera for source={number}, but there is none: connect it, or give a file.")
    return capture
