"""Images and their VOC annotation files, paired by name: in a devkit's folders, or wherever somebody keeps them."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.data.formats.voc_tree import Fault, FaultKind

__all__ = ["ListEntry", "list_entries", "list_file_entries", "match_ids", "pair_files", "read_ids"]

# Of two images with one name the last kind wins.
_RANKS = {kind: rank for rank, kind in enumerate(("tiff", "tif", "webp", "bmp", "png", "jpeg", "jpg"))}


class ListEntry(NamedTuple):
    """One image and the two files that belong to it.

    Attributes:
        image_id: Place of the image in its list, from 1.
        annotation: Its XML file. Where there is none, or it is None, the image has no objects; see `read_entries`.
        image: Its image file.
    """

    image_id: int
    annotation: Path | None
    image: Path


def pair_files(images: Path, annotations: Path, ids: Sequence[str] | None = None) -> list[ListEntry]:
    """The images of a folder and its sub-folders, or those of a list, each with the XML file of its name.

    Args:
        images: Folder of the images.
        annotations: Folder of the XML files, which may be the same one.
        ids: Names of the images in their order, as `list_entries` takes them; None takes all images, ordered by name.

    Returns:
        Entries with the path of the XML file, which need not exist: most tools write none for an image without objects.

    Raises:
        FileNotFoundError: A folder is missing, there is no image, or one of the list is missing.
        ValueError: An image is twice in the list, or two images have one name.
    """
    for folder, key in ((images, "images"), (annotations, "annotations")):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Expected the folder of {key} at {folder.absolute()}, but there is no such folder: set data.root and "
                f"data.{key}."
            )
    entries, problems = list_entries(images, annotations, ids, f"the list of images in {images.absolute()}")
    if problems:
        raise problems[0]
    if not entries:
        raise FileNotFoundError(
            f"Expected images .jpg, .jpeg or .png in {images.absolute()}, but there are none: set data.images."
        )
    return entries


def list_entries(
    images: Path, annotations: Path, ids: Sequence[str] | None, where: str
) -> tuple[list[ListEntry], list[Exception]]:
    """As `match_ids`, with an error for each line that is wrong."""
    entries, faults = match_ids(images, annotations, ids, where)
    return entries, [fault.error for fault in faults]


def match_ids(
    images: Path, annotations: Path, ids: Sequence[str] | None, where: str
) -> tuple[list[ListEntry], list[Fault]]:
    """The images of a list with the XML files of their names, and what is wrong with the other lines.

    An id is the image's name without suffix. Folders may stand before it and the suffix behind it; folders that are not
    below the folder of images, as in `/home/anna/JPEGImages/a.jpg`, are left out as far as needed.

    Args:
        images: Folder of the images.
        annotations: Folder of the XML files.
        ids: Names of the images; None takes all, those of sub-folders too.
        where: What holds the ids, for messages.
    """
    folder, xmls = _Images(images), _Annotations(annotations)
    found = (
        [(name, folder.find(name)) for name in ids]
        if ids is not None
        else [(one[0], one) for one in folder.tree.items()]
    )
    missing = [name for name, one in found if one is None]
    faults: list[Fault] = []
    entries: dict[str, ListEntry] = {}  # by image; text is faster to look up than paths
    for row, (name, one) in enumerate(found, start=1):
        if one is None:
            continue
        key, image = one
        if (path := str(image)) in entries:
            faults.append(_twice(name, where))
        else:
            entries[path] = ListEntry(row, xmls.find(key, image), image)
    faults += [_missing(name, f"({len(missing)} of {len(found)} have none)", where, images) for name in missing]
    nested = any(one is not None and "/" in one[0] for _, one in found)
    one_file = _one_file_for_two(list(entries.values())) if nested else []
    return list(entries.values()), [*faults, *(one_file if ids is not None else (*_same_names(folder), *one_file))]


def _twice(name: str, where: str) -> Fault:
    sentence = f"Expected each image once in {where}, but {name!r} stands there twice: remove one."
    return Fault(FaultKind.DUPLICATE_IMAGE, ValueError(sentence), name)


def _missing(name: str, count: str, where: str, images: Path) -> Fault:
    sentence = (
        f"Expected an image .jpg, .jpeg or .png for each id of {where} in {images}, but {name!r} has none {count}: put "
        "it there or shorten the list."
    )
    return Fault(FaultKind.MISSING_IMAGE, FileNotFoundError(sentence), name)


def _one_file_for_two(entries: Sequence[ListEntry]) -> list[Fault]:
    """Images of several folders that would share an XML file: nobody knows whose it is."""
    used = Counter(entry.annotation for entry in entries)
    return [
        Fault(
            FaultKind.DUPLICATE_IMAGE,
            ValueError(
                f"Expected an XML file of its own for each image, but {used[entry.annotation]} images would have "
                f"{entry.annotation}, {entry.image} among them: put the XML files into sub-folders like their images."
            ),
            entry.image.name,
        )
        for entry in entries
        if used[entry.annotation] > 1
    ]


def list_file_entries(list_file: Path, images: Path, annotations: Path) -> tuple[list[ListEntry], list[Fault]]:
    """The images that a text file lists, and what is wrong with its other lines.

    Raises:
        ValueError: The list is empty.
    """
    ids, twice = read_ids(list_file)
    entries, faults = match_ids(images, annotations, ids, str(list_file))
    return entries, [*(_twice(name, str(list_file)) for name in twice), *faults]


def read_ids(list_file: Path) -> tuple[list[str], list[str]]:
    """The ids in the order of the list, each once, and those that stand there more than once.

    A flag behind an id, as in VOC's lists per class, is left out.
    """
    lines = [line.strip() for line in list_file.read_text("utf-8-sig", errors="surrogateescape").splitlines()]
    counts = Counter(re.sub(r"\s+(-1|0|1)$", "", line) for line in lines if line)
    if not counts:
        raise ValueError(f"Expected one image id a line in {list_file}, but the list is empty: add ids to it.")
    return list(counts), [name for name, count in counts.items() if count > 1]


def _same_names(folder: "_Images") -> list[Fault]:
    """Images of which only one can have an XML file of its own."""
    return [
        Fault(
            FaultKind.DUPLICATE_IMAGE,
            ValueError(
                f"Expected images with names of their own in {folder.folder}, since each has one XML file, but "
                f"{len(files)} are called {key!r} ({', '.join(file.suffix for file in files)}): rename or remove one."
            ),
            key,
        )
        for key, files in folder.files.items()
        if len(files) > 1
    ]


class _Images:
    """A folder's images by name, without suffix; sub-folders are looked at only when a name needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = [name for name in _names_in(folder) if _rank(name) >= 0]
        self.flat = {name.rpartition(".")[0]: folder / name for name in sorted(names, key=_rank)}

    def find(self, name: str) -> tuple[str, Path] | None:
        """Name and file of the image with an id."""
        if name in self.flat:
            return name, self.flat[name]
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        for start in range(len(parts)):
            if (one := self._match("/".join(parts[start:]))) is not None:
                return one
        alike = self._by_stem.get(parts[0], ()) if len(parts) == 1 else ()
        return alike[0] if len(alike) == 1 else None

    def _match(self, name: str) -> tuple[str, Path] | None:
        if name in self.tree:
            return name, self.tree[name]
        key, _, suffix = name.rpartition(".")
        files = {file.suffix: file for file in self.files.get(key, ())}
        return (key, files[f".{suffix}"]) if f".{suffix}" in files else None

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """All files of each name, those of sub-folders as `sub/name`, in the order of the names."""
        found: dict[str, list[Path]] = {}
        for place, folders, names in os.walk(self.folder):
            folders[:] = [one for one in folders if not one.startswith((".", "__"))]
            below = os.path.relpath(place, self.folder).replace(os.sep, "/")
            for name in sorted((one for one in names if _rank(one) >= 0), key=_rank):
                key = f"{'' if below == '.' else f'{below}/'}{name.rpartition('.')[0]}"
                found.setdefault(key, []).append(Path(place, name))
        return dict(sorted(found.items()))

    @cached_property
    def tree(self) -> dict[str, Path]:
        """The file of each name."""
        return {key: files[-1] for key, files in self.files.items()}

    @cached_property
    def _by_stem(self) -> dict[str, list[tuple[str, Path]]]:
        found = defaultdict(list)
        for key, file in self.tree.items():
            found[file.stem].append((key, file))
            found[file.name].append((key, file))
        return found


class _Annotations:
    """Where the XML files of a folder are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = set(_names_in(folder))

    def find(self, key: str, image: Path) -> Path:
        """The XML file of an image; where there is none, the one that it should have."""
        name = f"{key}.xml"
        if name in self.names:
            return self.folder / name
        if "/" not in key:
            return self.folder / (longer if (longer := f"{image.name}.xml") in self.names else name)
        return self._of_a_sub_folder(key, image)

    def _of_a_sub_folder(self, key: str, image: Path) -> Path:
        same = self.folder / f"{key}.xml"
        flat = self.folder / f"{image.stem}.xml"  # all XML files in one folder, the images in several
        return flat if flat.name in self.names and not same.exists() else same


def _names_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        return [one.name for one in found]


def _rank(name: str) -> int:
    """Place of a file's suffix among those of images, −1 for none of them or a hidden file."""
    return -1 if name.startswith(".") else _RANKS.get(name.rpartition(".")[2].lower(), -1)
