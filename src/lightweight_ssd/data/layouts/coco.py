"""COCO's JSON: one file per split beside, above or apart from its images; or one file without splits."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from lightweight_ssd.data.formats.image_files import is_image
from lightweight_ssd.data.formats.json_decode import DECODE_ERRORS, decode_file
from lightweight_ssd.data.layouts.listing import ALL, Instances, Layout, Listing, split_of

__all__ = ["coco_layouts", "damaged_json", "instances_part"]

_LOOKED_AT = 50  # images of a file, of which it is looked at where they lie


class _File(msgspec.Struct):
    images: list[msgspec.Raw]
    annotations: msgspec.Raw
    categories: msgspec.Raw


class _Image(msgspec.Struct):
    file_name: str


class _Found(NamedTuple):
    """A file: its folder and name in the listing, its split, and the names of some of its images."""

    folder: str
    name: str
    split: str | None
    images: list[str]


def coco_layouts(listing: Listing) -> list[Layout]:
    """What a folder may be that has instances files in it, at most one.

    Raises:
        FileNotFoundError, ValueError: Several files may be the same split, or one that would be a split is damaged.
    """
    files = [file for folder in listing.files for file in _files_of(listing, folder)]
    if not files:
        return []
    if damaged := damaged_json(listing, {file.folder for file in files}):
        raise damaged
    rest = "train" if any(file.split for file in files) else ALL
    splits: dict[str, tuple[Instances, ...]] = {}
    for file in files:
        split = file.split or rest
        if split in splits:
            first = splits[split][0].annotations.relative_to(listing.root)
            path = f"{file.folder}/{file.name}".lstrip("/")
            what = "without the name of a split" if split == ALL else f"for {split}"
            raise ValueError(
                f"Expected one COCO file {what} in {listing.root}, but got {first} and {path}: choose with "
                f"data.annotations={path}, or name the splits with data=coco data.train.annotations=… ."
            )
        images = _images_folder(listing, file)
        splits[split] = (Instances(listing.root / file.folder / file.name, listing.root / images),)
    return [Layout("coco_json", _text(listing, splits), splits, None, listing.root)]


def instances_part(listing: Listing, path: Path) -> Instances:
    """A file that the user names, with the folder that its images are found in.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no instances file.
    """
    content = decode_file(path, _File)
    folder = path.parent
    place = folder.relative_to(listing.root).as_posix() if folder.is_relative_to(listing.root) else ""
    found = _Found("" if place == "." else place, path.name, None, _some_names(content))
    return Instances(path, listing.root / _images_folder(listing, found))


def damaged_json(listing: Listing, folders: Collection[str] | None = None) -> Exception | None:
    """What is wrong with the first file that is no JSON, where annotations belong; other JSON is none of COCO's.

    A file with the name of an image beside it is not looked at, since it is of that image alone.

    Args:
        listing: Of the data set.
        folders: In which annotations lie; a file elsewhere counts where its path names a split. None = all folders.
    """
    for folder, names in listing.files.items():
        images = {name.rpartition(".")[0] for name in names if is_image(name)}
        for name in _json_files(listing, folder):
            expected = folders is None or folder in folders or _split_of(folder, name)
            expected = expected and name.rpartition(".")[0] not in images
            content = _content(listing.root / folder / name) if expected else None
            if isinstance(content, Exception):
                return content
    return None


def _files_of(listing: Listing, folder: str) -> list[_Found]:
    """A folder's instances files."""
    contents = ((name, _content(listing.root / folder / name)) for name in _json_files(listing, folder))
    return [
        _Found(folder, name, _split_of(folder, name), _some_names(content))
        for name, content in contents
        if isinstance(content, _File)
    ]


def _json_files(listing: Listing, folder: str) -> list[str]:
    """What may be instances files; COCO's own keypoints and captions of the same images are left out."""
    names = [name for name in listing.files[folder] if name.lower().endswith(".json")]
    return [name for name in names if name.startswith("instances_")] or names


def _content(path: Path) -> _File | Exception | None:
    """What a file holds; None where it is JSON of another kind, and what is wrong where it cannot be read."""
    try:
        return decode_file(path, _File)
    except (ValueError, OSError) as error:
        return None if isinstance(error.__cause__, msgspec.ValidationError) else error


def _split_of(folder: str, name: str) -> str | None:
    return split_of(f"{folder}/{name.rpartition('.')[0]}".lstrip("/"))


def _some_names(content: _File) -> list[str]:
    step = max(1, len(content.images) // _LOOKED_AT)
    names = []
    for raw in content.images[::step]:
        try:
            names.append(msgspec.json.decode(raw, type=_Image).file_name.replace("\\", "/"))
        except DECODE_ERRORS:  # the reader says what is wrong with the entry
            continue
    return names


def _images_folder(listing: Listing, file: _Found) -> str:
    """The folder that most names start from; else the root, below which the reader looks for them by base name."""
    places: dict[str, list[str]] = {}
    for folder, names in listing.files.items():
        for name in names:
            places.setdefault(name, []).append(folder)
    starts = Counter[str]()
    for name in file.images:
        before, _, base = name.rpartition("/")
        before = "/".join(part for part in before.split("/") if part not in ("", "."))
        for folder in places.get(base, ()):
            if not before:
                starts[folder] += 1
            elif folder == before or folder.endswith(f"/{before}"):
                starts[folder[: -len(before)].rstrip("/")] += 1
    return max(sorted(starts), key=lambda folder: _closeness(folder, file, starts), default="")


def _closeness(folder: str, file: _Found, starts: Mapping[str, int]) -> tuple[int, bool, bool, int]:
    parts, others = Counter(folder.split("/")), Counter(file.folder.split("/"))
    same_split = split_of(folder) == file.split
    return starts[folder], same_split, folder == file.folder, (parts & others).total()


def _text(listing: Listing, splits: Mapping[str, tuple[Instances, ...]]) -> str:
    shown = []
    for split, (part,) in splits.items():
        file, images = (place.relative_to(listing.root).as_posix() for place in part)
        label = "" if split == ALL else f"{split} = "
        shown.append(f"{label}{file}, images from {images}/")
    return f"COCO's JSON: {'; '.join(shown)}"
