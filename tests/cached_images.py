"""Image files with annotations to make caches of, among them one that can be held up while it is read."""

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import Annotation


def picture(number: int, height: int, width: int) -> np.ndarray:
    """An image, RGB, that no other number gives."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def write_picture(path: Path, number: int, height: int, width: int) -> None:
    """Writes it without loss."""
    done, data = cv2.imencode(".png", picture(number, height, width)[..., ::-1])
    assert done
    path.write_bytes(data.tobytes())  # OpenCV itself cannot write to every name


def pictures(folder: Path, sizes: list[tuple[int, int]]) -> PackedAnnotations:
    """PNG files `0.png` and so on, one object in each, whose box fills the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, (height, width) in enumerate(sizes):
        write_picture(folder / f"{number}.png", number, height, width)
        box = np.array([[0, 0, width, height]], np.float32)
        known = Annotation.of_boxes(number + 1, str(folder / f"{number}.png"), height, width, box, np.array([0]))
        made.append(known)
    return PackedAnnotations.from_annotations(made, ("thing",))


def hold_up(path: Path) -> Callable[[], None]:
    """Lets whoever opens the file wait, for 45 seconds at most: the kernel asks this process for its lease back first.

    Returns:
        Gives the lease back, so that they go on.
    """
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # by which the kernel asks
    file = os.open(path, os.O_RDONLY)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def let_go() -> None:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(file)

    return let_go
