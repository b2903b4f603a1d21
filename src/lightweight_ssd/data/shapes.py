"""The built-in data set: drawn shapes, written to disk as a real VOC devkit and read back as one."""

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from tqdm import tqdm

from lightweight_ssd.annotations import PackedAnnotations, default_cache_dir
from lightweight_ssd.formats.voc_format import read_split, write_split
from lightweight_ssd.shape_drawing import SHAPE_NAMES, draw_scene
from lightweight_ssd.source_options import check_source_options, data_root
from lightweight_ssd.types import Annotation

__all__ = ["Shapes"]

_DRAWING = 3  # raise it when the same parameters would be drawn as other pictures
_DRAWS_NOTHING = ("root", "on_bad", "cache", "cache_side", "cache_dir")
_YEAR = "2007"
_SPLITS = ("train", "val", "test")
_JPEG_QUALITY = 95
_IMAGES_WITHOUT_BAR = 100


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Shapes on textured backgrounds; drawn when first asked for, and the same files for the same parameters.

    The data lies in `root/shapes-<hash of the parameters>`, so that other parameters never meet files of these.

    Attributes:
        root: Folder for all data sets of this kind; made where missing.
        class_names: Shapes to draw, of circle, square, triangle, star and heart.
        image_size: Longer side of the pictures, pixels; the shorter one varies from two thirds of it upward.
        train_images: Pictures to train on.
        val_images: Pictures to watch during training.
        test_images: Pictures that nothing is chosen by.
        max_objects: Most objects in one picture, at least 1.
        min_scale: Smallest diameter of an object as a share of the picture's shorter side, above 0.
        max_scale: Largest diameter of an object as a share of the picture's shorter side, at most 1.
        seed: Seed of everything random, 0 or more.
        on_bad: `error` stops at the first wrong file and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where images are kept; None is the user's cache folder.

    Raises:
        ValueError: The root is a file, or a parameter is out of its range.
    """

    root: str | int | float | Path | None
    class_names: Sequence[str] = SHAPE_NAMES
    image_size: int = 320
    train_images: int = 600
    val_images: int = 200
    test_images: int = 200
    max_objects: int = 5
    min_scale: float = 0.15
    max_scale: float = 0.6
    seed: int = 0
    on_bad: str = "error"
    cache: str = "none"
    cache_side: int | None = None
    cache_dir: str | Path | None = None

    def __post_init__(self) -> None:
        check_source_options(self.on_bad, self.cache, self.cache_side)
        object.__setattr__(self, "root", data_root(self.root, "one to draw into, which is made where missing"))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "cache_dir", Path(self.cache_dir or default_cache_dir()))
        unknown = [name for name in self.class_names if name not in SHAPE_NAMES]
        if unknown or not self.class_names or len(set(self.class_names)) != len(self.class_names):
            raise ValueError(
                f"Expected data.class_names to be different names among {', '.join(SHAPE_NAMES)}, "
                f"but got {list(self.class_names)}."
            )
        if not 0 < self.min_scale <= self.max_scale <= 1:
            raise ValueError(
                f"Expected 0 < data.min_scale ≤ data.max_scale ≤ 1, but got {self.min_scale} and {self.max_scale}."
            )
        limits = {"image_size": 32, "train_images": 1, "val_images": 1, "test_images": 1, "max_objects": 1, "seed": 0}
        for name, least in limits.items():
            if getattr(self, name) < least:
                raise ValueError(f"Expected data.{name} to be at least {least}, but got {getattr(self, name)}.")

    @property
    def devkit(self) -> Path:
        """Where the pictures lie once they are drawn."""
        text = json.dumps(self._manifest(), sort_keys=True)
        return Path(str(self.root)).absolute() / f"shapes-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def draw(self) -> None:
        """Draws the pictures of all splits where this has not been done; what is there is not looked at."""
        if not self.devkit.is_dir():
            self._generate()

    def annotations(self, split: Literal["train", "val", "test"]) -> PackedAnnotations:
        """The annotations of a split, drawn first where this has not been done; image ids number them from 1."""
        self.draw()
        return read_split(self.devkit, _YEAR, split, self.class_names, on_bad=self.on_bad)

    def _manifest(self) -> dict[str, object]:
        """Everything that decides what is drawn."""
        return {"drawing": _DRAWING, **{k: v for k, v in dataclasses.asdict(self).items() if k not in _DRAWS_NOTHING}}

    def _generate(self) -> None:
        """Draws into a hidden folder and renames it, so that a folder under the final name is always whole."""
        self.devkit.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.devkit.name}-", dir=self.devkit.parent) as hidden:
            drawn = Path(hidden) / self.devkit.name
            self._draw_devkit(drawn)
            (drawn / "shapes.json").write_text(json.dumps(self._manifest(), indent=2) + "\n", encoding="utf-8")
            try:
                drawn.rename(self.devkit)
            except OSError:
                if not self.devkit.is_dir():  # otherwise another process was first, with the same files
                    raise

    def _draw_devkit(self, folder: Path) -> None:
        images = folder / f"VOC{_YEAR}" / "JPEGImages"
        images.mkdir(parents=True)
        counts = {"train": self.train_images, "val": self.val_images, "test": self.test_images}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, _progress(sum(counts.values())) as bar:
            for split, count in counts.items():
                drawn = []
                for annotation in pool.map(lambda row, split=split: self._draw(images, split, row), range(count)):
                    drawn.append(annotation)
                    bar.update()
                write_split(folder, _YEAR, split, drawn, self.class_names)

    def _draw(self, folder: Path, split: str, row: int) -> Annotation:
        rng = np.random.default_rng((self.seed, _SPLITS.index(split), row))
        sides = (self.image_size, round(self.image_size * rng.uniform(2 / 3, 1)))
        height, width = sides if rng.random() < 0.4 else sides[::-1]
        scene = draw_scene(rng, (height, width), self.class_names, self.max_objects, self.min_scale, self.max_scale)
        path = folder / f"{split}_{row + 1:06d}.jpg"
        _write_jpeg(path, scene.image)
        return Annotation.of_boxes(row + 1, str(path), height, width, scene.boxes, scene.labels, scene.difficult)


def _progress(total: int) -> tqdm:
    return tqdm(total=total, desc="drawing shapes", unit="image", mininterval=0.5, disable=total <= _IMAGES_WITHOUT_BAR)


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    path.write_bytes(data.tobytes())
