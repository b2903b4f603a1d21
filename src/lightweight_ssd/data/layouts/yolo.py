"""YOLO's text files: by Ultralytics' data.yaml or darknet's obj.data, beside their images, or in folders of labels."""

from collections.abc import Mapping
from pathlib import Path

from lightweight_ssd.data.formats.yolo_config import damaged_yaml, has_names, is_config, read_config
from lightweight_ssd.data.formats.yolo_images import are_labels
from lightweight_ssd.data.layouts.listing import ALL, Layout, Listing, Pairs, Part
from lightweight_ssd.data.layouts.pairs import by_split, describe_pairs, find_pairs

__all__ = ["NAMES_FILES", "config_layout", "damaged_config", "find_names", "yolo_layouts"]

NAMES_FILES = ("classes.txt", "obj.names", "_darknet.labels", "names.txt")
"""What lists of class names are called, one a line."""

_DEEPEST = 2  # folders above a data.yaml: archives often have one around all


def yolo_layouts(listing: Listing) -> list[Layout]:
    """What a folder may be that has YOLO's text files in it, at most one.

    Raises:
        FileNotFoundError, ValueError: It has several data.yaml, or the one that it has is wrong or damaged.
    """
    configs = _configs(listing, (".yaml", ".yml")) or _configs(listing, (".data",))
    if len(configs) > 1:
        names = [path.relative_to(listing.root).as_posix() for path in configs]
        raise ValueError(
            f"Expected one data.yaml in {listing.root}, but got {' and '.join(names)}: choose with "
            f"data.annotations={names[0]}."
        )
    if configs:
        return [config_layout(configs[0])]
    pairs = find_pairs(listing, ".txt", lambda folder, stems: are_labels(listing.root / folder, stems))
    if not pairs:
        return []
    names = find_names(listing.root, [listing.root / pair.annotations for pair in pairs])
    if damaged := damaged_config(listing, any_name=names is None):
        raise damaged
    text = f"YOLO's labels: {describe_pairs(listing, pairs, '.txt')}" + (f"; names from {names.name}" if names else "")
    return [Layout("yolo_txt", text, by_split(listing, pairs), names, listing.root)]


def _configs(listing: Listing, suffixes: tuple[str, ...]) -> list[Path]:
    """Those nearest to the root; one called data.yaml before others beside it."""
    for depth in range(_DEEPEST + 1):
        folders = [folder for folder in listing.files if _depth(folder) == depth]
        paths = [listing.root / folder / name for folder in folders for name in listing.files[folder]]
        found = [path for path in paths if path.suffix in suffixes and (path.suffix == ".data" or is_config(path))]
        if found:
            return [path for path in found if path.stem in ("data", "obj")] or found
    return []


def damaged_config(listing: Listing, any_name: bool = False) -> Exception | None:
    """What is wrong with the first YAML file that cannot be read and would say the classes and splits.

    Args:
        listing: Of the data set.
        any_name: Whether any YAML file would; otherwise one called data or dataset.
    """
    for folder, names in listing.files.items():
        paths = [listing.root / folder / name for name in names if name.endswith((".yaml", ".yml"))]
        for path in paths if _depth(folder) <= _DEEPEST else []:
            if (any_name or path.stem in ("data", "dataset")) and (error := damaged_yaml(path)):
                return error
    return None


def _depth(folder: str) -> int:
    return len(folder.split("/")) * bool(folder)


def config_layout(path: Path) -> Layout:
    """That of a data.yaml or an obj.data.

    Raises:
        FileNotFoundError, ValueError: As `read_config`.
    """
    config = read_config(path)
    splits: dict[str, tuple[Part, ...]] = {
        split: tuple(Pairs(place) for place in places) for split, places in config.splits.items()
    }
    if not splits:
        raise ValueError(f"Expected train: in {path}, with a folder or a list of images, but it has none: add it.")
    darknet = path.suffix == ".data"
    what = "darknet's" if darknet else "Ultralytics'"
    text = f"YOLO's labels by {what} {path.name}: {_shown(splits, path.parent.absolute())}"
    return Layout("yolo_darknet" if darknet else "yolo_yaml", text, splits, path, path.parent.absolute())


def find_names(root: Path, folders: list[Path]) -> Path | None:
    """The list of class names: in the root, in the folders of the labels or above them; or a YAML file with names."""
    places = dict.fromkeys([root, *folders, *(folder.parent for folder in folders if folder != root)])
    candidates = [place / name for place in places for name in NAMES_FILES]
    lists = [path for path in candidates if path.is_file()]
    configs = [path for pattern in ("*.yaml", "*.yml") for path in sorted(root.glob(pattern)) if has_names(path)]
    return next(iter([*lists, *configs]), None)


def _shown(splits: Mapping[str, tuple[Part, ...]], home: Path) -> str:
    def name(part: Part) -> str:
        return str(part.images.relative_to(home)) if part.images.is_relative_to(home) else str(part.images)

    return ", ".join(
        f"{'' if split == ALL else f'{split} = '}{' and '.join(map(name, parts))}" for split, parts in splits.items()
    )
