"""Which images each split of VOC data has: by the lists of a devkit's years, or by folders of any name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.data.formats.voc_devkit import find_entries, find_year
from lightweight_ssd.data.formats.voc_files import ListEntry, list_file_entries, match_ids
from lightweight_ssd.data.formats.voc_scan import genuine_folders
from lightweight_ssd.data.formats.voc_tree import Fault

__all__ = ["Lists", "Part", "Places", "lone_year", "parts_of"]

Lists = Mapping[str, Sequence[str]] | str
"""Of one split: lists of `ImageSets/Main` by year; or the path of a list."""

_OF_A_YEAR = {  # where root is itself a year that has not the lists of the VOC challenge; the first that is there
    "train": ("train", "trainval", "default"),
    "val": ("val", "valid", "validation", "test"),
    "test": ("test", "val", "valid", "validation"),
}


class Part(NamedTuple):
    """One list of images.

    Attributes:
        title: Of progress bars; different for all parts of a data set.
        source: Its list file; or its folder.
        entries: Its images.
        faults: What is wrong with its other lines.
        annotations: Folder of the XML files, where all images of a folder are taken; None where a list names them.
    """

    title: str
    source: Path
    entries: list[ListEntry]
    faults: list[Fault]
    annotations: Path | None = None


class Places(NamedTuple):
    """Where data lies.

    Attributes:
        root: The devkit, or one year, or the folder that the next two start from.
        images: Folder of the images, or folders by split; None = a devkit.
        annotations: Folder of the XML files, or folders by split; None = that of the images.
    """

    root: Path
    images: str | Mapping[str, str] | None = None
    annotations: str | Mapping[str, str] | None = None


def parts_of(places: Places, split: str, lists: Lists, is_default: bool = False) -> Iterator[Part]:
    """The lists of one split, one after the other.

    Args:
        places: Where the data lies.
        split: `train`, `val` or `test`.
        lists: What was chosen for it.
        is_default: Whether this is what everybody has who chose nothing.

    Raises:
        FileNotFoundError: A folder or a list is missing, or there are no images.
        ValueError: A list is empty, or nothing is chosen for the split.
    """
    if not isinstance(lists, str) and (folder := lone_year(places, lists)) is not None:
        yield from _of_year(folder, split, lists, is_default)
    elif places.images is not None:
        yield _of_folders(places, split, lists, is_default)
    elif isinstance(lists, str):
        raise ValueError(
            f"Expected data.images with the list data.{split}={lists}: the folder of its images, relative to data.root."
        )
    else:
        yield from (
            _of_list(find_year(places.root, year), year, name) for year, names in lists.items() for name in names
        )


def lone_year(places: Places, lists: Lists) -> Path | None:
    """The root where it is itself a year, and none of the years that were asked for is in it.

    Args:
        places: Where the data lies.
        lists: What was chosen for a split.
    """
    root = places.root
    if places.images is not None or isinstance(lists, str) or not (root / "Annotations").is_dir():
        return None
    inside = any((root / name / "Annotations").is_dir() for year in lists for name in (f"VOC{year}", year))
    return None if inside else root.absolute()


def _of_year(folder: Path, split: str, lists: Mapping[str, Sequence[str]], is_default: bool) -> Iterator[Part]:
    chosen = list(dict.fromkeys(name for names in lists.values() for name in names))
    there = {path.stem for path in (folder / "ImageSets" / "Main").glob("*.txt")}
    if is_default and not there:
        yield _all_images(folder / "JPEGImages", folder / "Annotations", split)
        return
    if is_default and not _is_genuine(folder, chosen, there):
        known = next((name for name in _OF_A_YEAR[split] if name in there), None)
        if split == "train" and len(there) == 1:
            known = next(iter(there))
        if known is None:
            raise FileNotFoundError(_no_list(folder, split, there))
        chosen = [known]
    yield from (_of_list(folder, folder.name, name) for name in chosen)


def _is_genuine(folder: Path, chosen: Sequence[str], there: set[str]) -> bool:
    lists = [name for name in chosen if name in there]
    return bool(lists) and bool(genuine_folders(find_entries(folder, lists[0])[0]))


def _no_list(folder: Path, split: str, there: set[str]) -> str:
    names = " or ".join(f"{name}.txt" for name in dict.fromkeys(_OF_A_YEAR[split]))
    return (
        f"Expected a list of images for {split} in {folder / 'ImageSets' / 'Main'}, {names}, but got "
        f"{', '.join(sorted(there))}: write it, choose one with data.{split}.2007=NAME, or divide the training images "
        "with data.split={val: 0.2, test: 0}."
    )


def _of_list(folder: Path, year: str, name: str) -> Part:
    entries, faults = find_entries(folder, name)
    return Part(f"{year} {name}", folder / "ImageSets" / "Main" / f"{name}.txt", entries, faults)


def _of_folders(places: Places, split: str, lists: Lists, is_default: bool) -> Part:
    if not isinstance(lists, str) and not is_default:
        raise ValueError(
            f"Expected data.{split} as a list file with data.images, such as data.{split}={split}.txt, but got "
            f"{dict(lists)}: years are those of a devkit, without data.images."
        )
    images = places.root / _folder(places.images, split, "images")
    annotations = places.root / _folder(places.annotations, split, "annotations") if places.annotations else images
    _expect_folders(images, annotations)
    if isinstance(lists, str):
        list_file = places.root / lists
        if not list_file.is_file():
            raise FileNotFoundError(
                f"Expected the list of images data.{split}={lists} at {list_file.absolute()}, but there is no such "
                "file: write it, one image name a line."
            )
        return Part(f"{split} list", list_file.absolute(), *list_file_entries(list_file, images, annotations))
    if isinstance(places.images, str) and split != "train":
        raise ValueError(
            f"Expected images for {split}, but data.images={places.images} is one folder for all: give "
            "data.split={val: 0.2, test: 0}, a list for each split, or a folder for each: "
            "data.images={train: train, val: valid, test: test}."
        )
    return _all_images(images, annotations, split)


def _folder(setting: Any, split: str, key: str) -> str:
    if isinstance(setting, str):
        return setting
    if not isinstance(setting, Mapping) or not setting.get(split):
        raise ValueError(
            f"Expected data.{key} as a folder, or a folder for {split}, such as {{train: train, val: valid}}, but got "
            f"{setting!r}."
        )
    return str(setting[split])


def _expect_folders(images: Path, annotations: Path) -> None:
    for folder, key in ((images, "images"), (annotations, "annotations")):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Expected the folder of {key} at {folder.absolute()}, but there is no such folder: set data.root and "
                f"data.{key}."
            )


def _all_images(images: Path, annotations: Path, split: str) -> Part:
    images, annotations = images.absolute(), annotations.absolute()
    entries, faults = match_ids(images, annotations, None, f"the folder {images}")
    if not entries:
        raise FileNotFoundError(
            f"Expected images .jpg, .jpeg or .png in {images}, but there are none: set data.images to their folder."
        )
    return Part(f"{split} {images.name}", images, entries, faults, annotations)
