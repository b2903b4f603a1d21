"""The files of a folder, as layouts are recognized by, and how parts of a layout are named."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lightweight_ssd.data.formats.image_files import is_image, walk

__all__ = ["ALL", "Instances", "Layout", "Listing", "Pairs", "Part", "list_files", "split_of"]

ALL = "all"
"""Key of a layout's images that belong to no split."""

_SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
_SPLIT_OF = {name: split for split, names in _SPLITS.items() for name in names}
_OF_A_RUN = ("identity.json", "ground_truth.json", "pyvenv.cfg")  # folders of runs, evaluations and environments


class Pairs(NamedTuple):
    """Images with a file of annotations each, of VOC's or YOLO's format.

    Attributes:
        images: Their folder; or a list of images.
        annotations: Folder of the XML or text files; None where each label is found from its image.
        ids: List of the images, an id a line; None = all of the folder.
        nested: Whether the images of the folders in it are meant, too.
    """

    images: Path
    annotations: Path | None = None
    ids: Path | None = None
    nested: bool = False


class Instances(NamedTuple):
    """A COCO file and the folder that its images' names start from."""

    annotations: Path
    images: Path


Part = Pairs | Instances


class Layout(NamedTuple):
    """What was recognized.

    Attributes:
        name: As `data.layout` takes it; it begins with the format: voc, coco or yolo.
        text: One line for the user: what lies where.
        splits: The parts by split; or all of them under `ALL`.
        names: File with the names of the classes: labelmap.txt, data.yaml, classes.txt; None where there is none.
        home: Folder in which it lies, absolute.
    """

    name: str
    text: str
    splits: Mapping[str, tuple[Part, ...]]
    names: Path | None
    home: Path

    @property
    def format(self) -> str:
        """`voc`, `coco` or `yolo`."""
        return self.name.partition("_")[0]


class Listing(NamedTuple):
    """The files below a folder.

    Attributes:
        root: The folder, absolute.
        files: Names of files by folder, relative to the root and with slashes; the root itself is empty text.
    """

    root: Path
    files: Mapping[str, tuple[str, ...]]

    def stems(self, suffixes: frozenset[str] | None) -> dict[str, frozenset[str]]:
        """Names without suffix of the files with these suffixes, or of images, by folder; folders without are out."""
        found = {
            folder: frozenset(PurePosixPath(name).stem for name in names if _fits(name, suffixes))
            for folder, names in self.files.items()
        }
        return {folder: stems for folder, stems in found.items() if stems}

    def below(self, folder: str) -> "Listing":
        """The same of one of its folders."""
        inside = {name: files for name, files in self.files.items() if name == folder or name.startswith(f"{folder}/")}
        return Listing(self.root / folder, {name[len(folder) :].lstrip("/"): files for name, files in inside.items()})

    def folders(self) -> list[str]:
        """Those directly in the root, with something in them."""
        return sorted({name.partition("/")[0] for name in self.files} - {""})

    def counts(self) -> str:
        """How many files of each kind there are, for a sentence.

        Example:
            >>> Listing(Path("/"), {"": ("a.jpg", "b.png", "c.xml")}).counts()
            '2 images, 1 .xml, no .json, no .txt, no .yaml'
        """
        kinds = Counter(_kind(name) for names in self.files.values() for name in names)
        images = kinds["image"]
        shown = [f"{images:,} image{'s' * (images != 1)}" if images else "no images"]
        shown += [f"{kinds[kind]:,} {kind}" if kinds[kind] else f"no {kind}" for kind in _KINDS]
        return ", ".join(shown)


_KINDS = (".xml", ".json", ".txt", ".yaml")


def list_files(root: Path) -> Listing:
    """What lies in a folder and the folders in it; runs of this package and virtual environments are left out."""
    root = root.absolute()
    files: dict[str, tuple[str, ...]] = {}
    left_out: list[str] = []
    for place, names in walk(root):
        folder = place.relative_to(root).as_posix().removeprefix(".")
        if folder and (not {*names}.isdisjoint(_OF_A_RUN) or any(folder.startswith(f"{each}/") for each in left_out)):
            left_out.append(folder)
        elif names:
            files[folder] = tuple(name for name in names if not name.startswith("."))
    return Listing(root, files)


def split_of(path: str) -> str | None:
    """The split that a folder or a file is of, by the last of its parts that names one.

    Example:
        >>> [split_of(path) for path in ("images/train", "valid/labels", "instances_test2017", "all")]
        ['train', 'val', 'test', None]
    """
    for part in reversed(path.split("/")):
        found = {_SPLIT_OF[word] for word in re.findall(r"[a-z]+", part.lower()) if word in _SPLIT_OF}
        if len(found) == 1:
            return found.pop()
    return None


def _fits(name: str, suffixes: frozenset[str] | None) -> bool:
    return is_image(name) if suffixes is None else PurePosixPath(name).suffix.lower() in suffixes


def _kind(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return "image" if is_image(name) else ".yaml" if suffix == ".yml" else suffix
