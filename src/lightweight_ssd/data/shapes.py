"""The built-in data set: drawn shapes, written to disk as a real VOC devkit and read back as one."""

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from lightweight_ssd.data.formats.origin import Origin
from lightweight_ssd.data.formats.packed import PackedAnnotations, default_cache_dir
from lightweight_ssd.data.formats.voc_devkit import read_split, write_split
from lightweight_ssd.data.selection import Selection
from lightweight_ssd.data.source import check_source_options, data_root
from lightweight_ssd.data.synthetic.scene import SHAPE_NAMES
from lightweight_ssd.data.synthetic.writer import Drawing, draw_file
from lightweight_ssd.system.output_folder import make_output_folder
from lightweight_ssd.system.parallel import each_file
from lightweight_ssd.types import Annotation, Split

__all__ = ["Shapes"]

_DRAWING = 3  # raise it when the same parameters would be drawn as other pictures
_DRAWS_NOTHING = (
    "root", "on_bad", "cache", "cache_side", "cache_dir", "classes", "other_classes", "empty_images",
)  # fmt: skip
_YEAR = "2007"


@dataclasses.dataclass(frozen=True)
class Shapes:
    """Shapes on textured backgrounds; drawn when first asked for, and the same files for the same parameters.

    The data lies in `root/shapes-<hash of the parameters>`, so that other parameters never meet files of these.

    Attributes:
        root: Folder for all data sets of this kind; made where missing.
        class_names: Name of each label: the shapes to draw, of circle, square, triangle, star and heart, unless
            `classes` names some of them.
        image_size: Longer side of the pictures, pixels; the shorter one varies from two thirds of it upward.
        train_images: Pictures to train on.
        val_images: Pictures to validate on during training.
        test_images: Pictures that nothing is chosen by.
        max_objects: Most objects in one picture, at least 1.
        min_scale: Smallest diameter of an object as a share of the picture's shorter side, above 0.
        max_scale: Largest diameter of an object as a share of the picture's shorter side, at most 1.
        seed: Seed of everything random, 0 or more.
        on_bad: `error` stops at the first wrong file and names it; `skip` leaves its image out and lists it.
        cache: Where images are kept resized, for speed: `none`, `disk` or `ram`.
        cache_side: Long side of kept images, pixels; None is chosen to suit the network's input.
        cache_dir: Where images are kept; None is the user's cache folder.
        classes: Names of the shapes to detect, in the order of their labels; None is all that are drawn.
        other_classes: What objects of the other classes are: `background`, or `ignore`.
        empty_images: Training images without an object to learn: `keep` them as background, or `drop` them.

    Raises:
        ValueError: The root is a file, a parameter is out of its range, or a class is not drawn.
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
    classes: Sequence[str] | str | None = None
    other_classes: str = "background"
    empty_images: str = "keep"

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
        object.__setattr__(self, "classes", self.selection.classes)
        object.__setattr__(self, "_drawn", self.class_names)
        object.__setattr__(self, "class_names", self.selection.names(self.all_class_names))

    @property
    def selection(self) -> Selection:
        """Which classes and images are used."""
        return Selection.of(self.classes, self.other_classes, self.empty_images)

    @property
    def all_class_names(self) -> tuple[str, ...]:
        """All shapes that are drawn."""
        return vars(self)["_drawn"]

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Id of each label in output files: the place of its shape among those that are drawn, from 1."""
        return self.selection.ids(self.all_class_names, range(1, len(self.all_class_names) + 1))

    @property
    def devkit(self) -> Path:
        """Where the pictures lie once they are drawn."""
        text = json.dumps(self._manifest(), sort_keys=True)
        return Path(str(self.root)).absolute() / f"shapes-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def draw(self) -> None:
        """Draws the pictures of all splits where this has not been done; of what is there the lists are counted.

        Raises:
            ValueError: A list has lost lines: nobody would miss its images.
        """
        if not self.devkit.is_dir():
            self._generate()
        for split, count in self._counts().items():
            path = self.devkit / f"VOC{_YEAR}" / "ImageSets" / "Main" / f"{split}.txt"
            listed = len(path.read_bytes().split()) if path.is_file() else count
            if listed != count:
                raise ValueError(
                    f"Expected {count} images in {path} but got {listed}; delete {self.devkit}, it is drawn again."
                )

    def _counts(self) -> dict[str, int]:
        return {"train": self.train_images, "val": self.val_images, "test": self.test_images}

    def annotations(self, split: Split) -> PackedAnnotations:
        """The annotations of a split, drawn first where this has not been done; image ids number them from 1."""
        self.draw()
        listed = read_split(self.devkit, _YEAR, split, self.all_class_names, on_bad=self.on_bad, origin=Origin(1))
        return self.selection.apply(listed, split)

    def _manifest(self) -> dict[str, object]:
        """Everything that decides what is drawn."""
        parameters = {k: v for k, v in dataclasses.asdict(self).items() if k not in _DRAWS_NOTHING}
        return {"drawing": _DRAWING, **parameters, "class_names": self.all_class_names}

    def _generate(self) -> None:
        """Draws into a hidden folder and renames it, so that a folder under the final name is always whole."""
        make_output_folder(self.devkit.parent, "data.root")
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
        names, scales = self.all_class_names, (self.min_scale, self.max_scale)
        drawing = Drawing(images, names, self.image_size, self.max_objects, *scales, self.seed)
        places = [(split, number) for split, count in self._counts().items() for number in range(count)]
        workers = len(os.sched_getaffinity(0))
        with closing(each_file(partial(draw_file, drawing), places, workers, "drawing shapes", "processes")) as files:
            for split, count in self._counts().items():
                pairs = zip(range(1, count + 1), files, strict=False)  # stops before it takes a file of the next split
                drawn = [Annotation.of_boxes(number, *file) for number, file in pairs]
                write_split(folder, _YEAR, split, drawn, names)
