"""VOC's XML: a devkit, one year of it, or XML beside its images or in a folder of its own."""

from collections.abc import Sequence
from pathlib import Path

from lightweight_ssd.data.layouts.listing import ALL, Layout, Listing, Pairs, Part, split_of
from lightweight_ssd.data.layouts.pairs import by_split, describe_pairs, find_pairs

__all__ = ["voc_layouts"]

_LISTS, _XML, _IMAGES = "ImageSets/Main", "Annotations", "JPEGImages"


def voc_layouts(listing: Listing) -> list[Layout]:
    """What a folder may be that has VOC's XML in it: at most one, since each of these is a special case of the next."""
    above = [folder for place in sorted(listing.files) if (folder := _above(place)) is not None]
    years = [folder for folder in above if _is_year(listing, folder)]
    if years:
        return [_of_lists(listing, years, "voc_year" if years == [""] else "voc_devkit")]
    pairs = find_pairs(listing, ".xml", lambda _folder, _names: True)
    if not pairs:
        return []
    text = f"VOC's XML: {describe_pairs(listing, pairs, '.xml')}"
    return [Layout("voc_xml", text, by_split(listing, pairs), _labelmap(listing, [""]), listing.root)]


def _above(folder: str) -> str | None:
    """The folder that a folder of annotations lies in; None for any other."""
    before, _, last = folder.rpartition("/")
    return before if last == _XML else None


def _is_year(listing: Listing, folder: str) -> bool:
    """Whether it has annotations and lists of images."""
    return _inside(folder, _XML) in listing.files and bool(_lists(listing, folder))


def _of_lists(listing: Listing, years: Sequence[str], name: str) -> Layout:
    splits: dict[str, tuple[Part, ...]] = {}
    said = []
    for year in years:
        chosen = _choose(_lists(listing, year))
        folder = listing.root / year
        for split, lists in chosen.items():
            parts = [Pairs(folder / _IMAGES, folder / _XML, folder / _LISTS / f"{each}.txt") for each in lists]
            splits[split] = (*splits.get(split, ()), *parts)
        said.append(f"{year} " * bool(year) + "with " + ", ".join(each for lists in chosen.values() for each in lists))
    if ALL in splits and len(splits) > 1:
        splits["train"] = (*splits.get("train", ()), *splits.pop(ALL))
    what = "VOC devkit" if name == "voc_devkit" else f"VOC's folders {_XML}, {_IMAGES} and {_LISTS}"
    return Layout(name, f"{what}: {'; '.join(said)}", splits, _labelmap(listing, years), listing.root)


def _lists(listing: Listing, folder: str) -> list[str]:
    """Without VOC's lists per class, `cat_train`."""
    names = [
        name.removesuffix(".txt") for name in listing.files.get(_inside(folder, _LISTS), ()) if name.endswith(".txt")
    ]
    return [name for name in names if not any(name.endswith(f"_{other}") for other in names)]


def _choose(lists: Sequence[str]) -> dict[str, list[str]]:
    """The lists of each split: `trainval` is the union of two where these are there, too."""
    by_name = {split: [name for name in lists if split_of(name) == split] for split in ("train", "val", "test")}
    chosen = {split: names[:1] for split, names in by_name.items() if names}
    if "train" not in chosen and "trainval" in lists:
        chosen = {"train": ["trainval"], **{split: names for split, names in chosen.items() if split != "val"}}
    return chosen or {ALL: list(lists)}


def _labelmap(listing: Listing, folders: Sequence[str]) -> Path | None:
    there = [folder for folder in folders if "labelmap.txt" in listing.files.get(folder, ())]
    return listing.root / there[0] / "labelmap.txt" if there else None


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
