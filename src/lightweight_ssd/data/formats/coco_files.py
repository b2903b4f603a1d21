"""Where the images of an instances file are, and how large, where the file itself does not say so.

Files are passed on without their images' sizes, and with the paths of the machine that they were made on. A size stands
in the header of an image, and an image that is not where `file_name` says is taken from the split's folder if it is
the only one there with that name.
"""

import os
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from lightweight_ssd.data.formats.coco_json import Images
from lightweight_ssd.system.parallel import each_file

__all__ = ["Located", "locate_images"]

_THREADS = 8  # that read headers: on a network drive each waits


class Located(NamedTuple):
    """The images of a file, with what their files add.

    Attributes:
        images: With the names under which they were found, and all sizes that could be read.
        missing: Which have no file.
        by_base_name: Rows of those that are elsewhere in the folder than the file says.
        ambiguous: A sentence for each that may be one of several files, by its row.
        measured: Rows of those whose size was read from their files.
        unmeasured: Rows of those whose size is nowhere.
    """

    images: Images
    missing: Bool[np.ndarray, " N"]
    by_base_name: list[int]
    ambiguous: dict[int, str]
    measured: list[int]
    unmeasured: list[int]


def locate_images(path: Path, folder: Path, images: Images) -> Located:
    """Finds every image and its size; the folder is listed once, and headers are read of images without a size only.

    Args:
        path: The instances file, for sentences.
        folder: Where the images lie, absolute.
        images: As in the file.
    """
    names, missing = list(images.names), _missing(folder, images.names)
    missing[list(images.wrong)] = False
    found, ambiguous = _by_base_name(path, folder, names, missing)
    for row, name in found.items():
        names[row] = name
    missing[[*found, *ambiguous]] = False
    unknown = [row for row in np.flatnonzero(images.sizes.min(axis=1, initial=1) < 1).tolist() if not missing[row]]
    unknown = [row for row in unknown if row not in ambiguous and row not in images.wrong]
    sizes = images.sizes.copy()
    measured = _sizes(folder, [names[row] for row in unknown])
    for row, size in zip(unknown, measured, strict=True):
        sizes[row] = size or (0, 0)
    known = [row for row in unknown if sizes[row].all()]
    unmeasured = [row for row in unknown if not sizes[row].all()]
    return Located(images._replace(names=names, sizes=sizes), missing, list(found), ambiguous, known, unmeasured)


def _missing(folder: Path, names: list[str]) -> Bool[np.ndarray, " N"]:
    """Which files are not there: one listing per folder instead of a look-up per image."""
    listings: dict[str, set[str]] = {}
    missing = np.zeros(len(names), dtype=bool)
    for row, name in enumerate(names):
        before, slash, last = name.rpartition("/")
        parent = before + slash  # "/" alone is no relative path
        if parent not in listings:
            listings[parent] = _listing(folder / parent)
        missing[row] = last not in listings[parent]
    return missing


def _listing(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))  # noqa: PTH208  # names alone, without a Path for each
    except (OSError, ValueError):  # no such folder; or a name that no file system can have
        return set()


def _by_base_name(
    path: Path, folder: Path, names: list[str], missing: Bool[np.ndarray, " N"]
) -> tuple[dict[int, str], dict[int, str]]:
    """By row, the names of missing images that were found elsewhere, and sentences on those that may be several."""
    rows = np.flatnonzero(missing).tolist()
    wanted = {row: names[row].replace("\\", "/").rpartition("/")[2] for row in rows}
    listed = {os.path.normpath(names[row]) for row in np.flatnonzero(~missing).tolist()} if rows else set()
    files = _search(folder, set(wanted.values()) - {""}, listed)
    entries = Counter(wanted.values())
    found, ambiguous = {}, {}
    for row, base in wanted.items():
        there = files.get(base, [])
        if len(there) == entries[base] == 1:
            found[row] = there[0]
        elif there:
            several = f"{there[0]} and {there[1]}" if len(there) > 1 else f"{entries[base]} entries of the list"
            ambiguous[row] = (
                f"Expected the image {names[row]!r} of {path} in {folder}, but it is not there, and {several} have its "
                "base name: write into file_name where it is, relative to that folder."
            )
    return found, ambiguous


def _search(folder: Path, wanted: set[str], listed: set[str]) -> dict[str, list[str]]:
    """The files with these names anywhere in the folder, relative to it, without those that are listed already."""
    files: dict[str, list[str]] = {}
    for parent, _, names in os.walk(folder) if wanted else ():
        before = os.path.relpath(parent, folder)
        for name in wanted.intersection(names):
            relative = name if before == "." else f"{before}/{name}"
            if relative not in listed:
                files.setdefault(name, []).append(relative)
    return {name: sorted(there) for name, there in files.items()}


def _sizes(folder: Path, names: list[str]) -> list[tuple[int, int] | None]:
    if not names:
        return []
    from lightweight_ssd.data.images.header import read_size  # Pillow, which few files need

    with warnings.catch_warnings():  # of large images
        warnings.simplefilter("ignore")
        paths = [folder / name for name in names]
        return list(each_file(read_size, paths, _THREADS, "sizes of images", "threads"))
