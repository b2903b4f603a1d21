"""Where the images of an instances file are, and how large, where the file itself does not say so.

Files are passed on without their images' sizes, and with the paths of the machine that they were made on. A size stands
in the header of an image, and an image that is not where `file_name` says is looked for in the split's folder.
"""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from lightweight_ssd.data.formats.coco_json import Images
from lightweight_ssd.data.formats.file_search import find_elsewhere
from lightweight_ssd.data.formats.image_folders import FolderListing, list_folder
from lightweight_ssd.system.parallel import each_file

__all__ = ["Located", "locate_images"]

_THREADS = 8  # that read headers: on a network drive each waits


class Located(NamedTuple):
    """The images of a file, with what their files add.

    Attributes:
        images: With the names under which they were found, and all sizes that could be read.
        missing: Which have no file.
        listings: Of the folders in which they lie, or should.
        by_base_name: Rows of those that are elsewhere in the folder than the file says, or are written otherwise.
        ambiguous: A sentence for each that may be one of several files, by its row.
        measured: Rows of those whose size was read from their files.
        unmeasured: Rows of those whose size is nowhere.
    """

    images: Images
    missing: Bool[np.ndarray, " N"]
    listings: dict[str, FolderListing]
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
    listings: dict[str, FolderListing] = {}
    names, missing = list(images.names), _missing(folder, images.names, listings)
    missing[list(images.wrong)] = False
    found, ambiguous = find_elsewhere(path, folder, names, missing)
    _missing(folder, list(found.values()), listings)
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
    placed = images._replace(names=names, sizes=sizes)
    return Located(placed, missing, listings, list(found), ambiguous, known, unmeasured)


def _missing(folder: Path, names: list[str], listings: dict[str, FolderListing]) -> Bool[np.ndarray, " N"]:
    """Which files are not there: one listing per folder, kept in `listings`, instead of a look-up per image."""
    of_parent: dict[str, FolderListing] = {}
    missing = np.zeros(len(names), dtype=bool)
    for row, name in enumerate(names):
        before, slash, last = name.rpartition("/")
        parent = before + slash  # "/" alone is no relative path
        if parent not in of_parent:
            place = str(folder / parent)
            of_parent[parent] = listings.get(place) or list_folder(place)
            listings[place] = of_parent[parent]
        missing[row] = last not in of_parent[parent].names
    return missing


def _sizes(folder: Path, names: list[str]) -> list[tuple[int, int] | None]:
    if not names:
        return []
    from lightweight_ssd.data.images.header import read_size  # Pillow, which few files need

    with warnings.catch_warnings():  # of large images
        warnings.simplefilter("ignore")
        paths = [folder / name for name in names]
        return list(each_file(read_size, paths, _THREADS, "sizes of images", "threads"))
