"""Folders of annotations and the folders of their images, told by names that both have."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from lightweight_ssd.data.layouts.listing import ALL, Listing, Pairs, Part, split_of

__all__ = ["FolderPair", "by_split", "describe_pairs", "find_pairs"]


class FolderPair(NamedTuple):
    """A folder of images and that of their annotations, as the listing names them."""

    images: str
    annotations: str

    @property
    def split(self) -> str | None:
        """That the names of the folders say."""
        return split_of(self.annotations) or split_of(self.images)


def find_pairs(listing: Listing, suffix: str, is_annotation: Callable[[str, frozenset[str]], bool]) -> list[FolderPair]:
    """For each folder with files of this suffix the folder of images that has their names.

    Of several the one of the same split is taken, then the one with most of the names, then the nearest.

    Args:
        listing: Of the data set.
        suffix: `.xml` or `.txt`.
        is_annotation: Called with such a folder and the names, without suffix, that it shares with a folder of images:
            whether these files are annotations at all.
    """
    images, pairs = listing.stems(None), []
    for folder, stems in listing.stems(frozenset({suffix})).items():
        shared = {place: stems & names for place, names in images.items() if stems & names}
        if not shared:
            continue
        best = max(sorted(shared), key=lambda place: _closeness(folder, place, len(shared[place])))
        if is_annotation(folder, shared[best]):
            pairs.append(FolderPair(best, folder))
    return pairs


def by_split(listing: Listing, pairs: Sequence[FolderPair]) -> dict[str, tuple[Part, ...]]:
    """The pairs by the split that their folders name; with some that name one, the others are to train on."""
    rest = "train" if any(pair.split for pair in pairs) else ALL
    splits: dict[str, tuple[Part, ...]] = {}
    for pair in pairs:
        part = Pairs(listing.root / pair.images, listing.root / pair.annotations)
        splits[pair.split or rest] = (*splits.get(pair.split or rest, ()), part)
    return splits


def describe_pairs(listing: Listing, pairs: Sequence[FolderPair], suffix: str) -> str:
    """Where images and annotations lie; and which folders of images have no annotations, and so are not used."""
    together = all(pair.images == pair.annotations for pair in pairs)
    folders = _shown(pair.annotations for pair in pairs)
    where = (
        f"beside their images in {folders}"
        if together
        else f"in {folders}, images in {_shown(p.images for p in pairs)}"
    )
    images, used = listing.stems(None), {pair.images for pair in pairs}
    unused = sorted(folder for folder in images if folder not in used)
    count = sum(len(images[folder]) for folder in unused)
    return f"{suffix} {where}" + (
        f"; not used: {count:,} image{'s' * (count != 1)} without any in {_shown(unused)}" if unused else ""
    )


def _closeness(annotations: str, images: str, matches: int) -> tuple[bool, int, int]:
    parts, others = (Counter(path.split("/")) if path else Counter[str]() for path in (annotations, images))
    same = annotations == images
    return split_of(annotations) == split_of(images), matches, 1000 if same else (parts & others).total()


def _shown(folders: Iterable[str]) -> str:
    """The first few of them.

    Example:
        >>> _shown(["", "train/images"])
        './, train/images/'
    """
    names = [f"{folder or '.'}/" for folder in dict.fromkeys(folders)]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
