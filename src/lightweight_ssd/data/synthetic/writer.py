"""One picture of drawn shapes as a file; a process that only draws needs nothing else of the data set, nor PyTorch."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from lightweight_ssd.data.synthetic.scene import draw_scene
from lightweight_ssd.types import SPLITS

__all__ = ["Drawing", "DrawnFile", "draw_file"]

_JPEG_QUALITY = 95


class Drawing(NamedTuple):
    """What all pictures of a data set have in common.

    Attributes:
        folder: Where the files go; it exists.
        class_names: Shapes to draw.
        image_size: Longer side of the pictures, pixels.
        max_objects: Most objects in one picture.
        min_scale: Smallest diameter of an object as a share of the picture's shorter side.
        max_scale: Largest diameter of an object as a share of the picture's shorter side.
        seed: Seed of everything random.
    """

    folder: Path
    class_names: tuple[str, ...]
    image_size: int
    max_objects: int
    min_scale: float
    max_scale: float
    seed: int


class DrawnFile(NamedTuple):
    """A picture that was written, and what is in it.

    Attributes:
        path: Of the JPEG.
        height: Rows.
        width: Columns.
        boxes: xyxy, pixels.
        labels: Index into the class names.
        difficult: Objects that are mostly covered or faint.
    """

    path: str
    height: int
    width: int
    boxes: Float32[np.ndarray, "N 4"]
    labels: Int64[np.ndarray, " N"]
    difficult: Bool[np.ndarray, " N"]


def draw_file(drawing: Drawing, place: tuple[str, int]) -> DrawnFile:
    """Draws and writes one picture, a function of the seed and its place alone.

    Args:
        drawing: Of the data set.
        place: Split and number, from 0.
    """
    split, number = place
    rng = np.random.default_rng((drawing.seed, SPLITS.index(split), number))
    sides = (drawing.image_size, round(drawing.image_size * rng.uniform(2 / 3, 1)))
    height, width = sides if rng.random() < 0.4 else sides[::-1]
    scene = draw_scene(
        rng, (height, width), drawing.class_names, drawing.max_objects, drawing.min_scale, drawing.max_scale
    )
    path = drawing.folder / f"{split}_{number + 1:06d}.jpg"
    _write_jpeg(path, scene.image)
    return DrawnFile(str(path), height, width, scene.boxes, scene.labels, scene.difficult)


def _write_jpeg(path: Path, image: UInt8[np.ndarray, "H W 3"]) -> None:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    path.write_bytes(data.tobytes())
