"""COCO's JSON: one file per split beside, above or apart from its images; or one file without splits."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
    looked_at = _looked_at(listing)
    files = [file for _, _, file in looked_at if isinstance(file, _Found)]
    if not files:
        return []
    if damaged := _first_damaged(listing, looked_at, {file.folder for file in files}):
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


def damaged_json(listing: Listing) -> Exception | None:
    """What is wrong with the first file of a data set that is no JSON; JSON of another kind is none of COCO's.

    A file with the name of an image beside it does not count, since it is of that image alone.
    """
    return _first_damaged(listing, _looked_at(listing), set(listing.files))


def _first_damaged(
    listing: Listing, looked_at: Sequence[tuple[str, str, _Found | Exception | None]], folders: Collection[str]
) -> Exception | None:
    """Of the files where annotations belong: in these folders, or on a path that names a split."""
    for folder, name, found in looked_at:
        if isinstance(found, Exception) and (folder in folders or _split_of(folder, name)):
            images = {other.rpartition(".")[0] for other in listing.files[folder] if is_image(other)}
            if name.rpartition(".")[0] not in images:
                return found
    return None


def _looked_at(listing: Listing) -> list[tuple[str, str, _Found | Exception | None]]:
    """Folder and name of each file that may be an instances file, and what it is; each is read once."""
    places = ((folder, name) for folder in listing.files for name in _json_files(listing, folder))
    return [(folder, name, _look_at(listing, folder, name)) for folder, name in places]


def _look_at(listing: Listing, folder: str, name: str) -> _Found | Exception | None:
    """An instances file; None where it is JSON of another kind, and what is wrong where it cannot be read."""
    try:
        content = decode_file(listing.root / folder / name, _File)
    except (ValueError, OSError) as error:
        return None if isinstance(error.__cause__, msgspec.ValidationError) else error
    return _Found(folder, name, _split_of(folder, name), _some_names(content))


def _json_files(listing: Listing, folder: str) -> list[str]:
    """What may be instances files; COCO's own keypoints and captions of the same images are left out."""
    names = [name for name in listing.files[folder] if name.lower().endswith(".json")]
    return [name for name in names if name.startswith("instances_")] or names


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
