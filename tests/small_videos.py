"""Small videos as OpenCV writes them, whole, turned and cut short."""

import struct
from pathlib import Path

import cv2
import numpy as np

__all__ = ["turn_upright", "write_video"]

_CODECS = {".avi": "MJPG", ".mp4": "mp4v", ".mkv": "mp4v", ".webm": "VP80"}
_ONE, _LAST = 1 << 16, 1 << 30  # of a matrix in an MP4 file, whose numbers have a fixed point
_MATRICES = {90: (0, _ONE, 0, -_ONE, 0, 0), 180: (-_ONE, 0, 0, 0, -_ONE, 0), 270: (0, -_ONE, 0, _ONE, 0, 0)}


def write_video(path: Path, frames: int = 12, width: int = 64, height: int = 48, rate: float = 25.0) -> Path:
    """Left half red, right half blue; every frame is a little brighter than the one before, up to fifteen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix])
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, rate, (width, height))
    assert writer.isOpened()
    for number in range(frames):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[:, : width // 2, 2] = frame[:, width // 2 :, 0] = 100 + 10 * (number % 15)
        writer.write(frame)
    writer.release()
    return path


def turn_upright(path: Path, degrees: int) -> Path:
    """Notes in an MP4 file that viewers shall turn it clockwise, as telephones do."""
    content = bytearray(path.read_bytes())
    place = content.find(b"tkhd") + 44
    content[place : place + 36] = struct.pack(">9i", *_MATRICES[degrees], 0, 0, _LAST)
    path.write_bytes(content)
    return path
