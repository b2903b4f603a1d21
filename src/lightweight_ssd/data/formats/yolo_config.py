"""What the files beside YOLO's labels say: Ultralytics' `data.yaml`, darknet's `obj.data`, and lists of names.

Class numbers in label files run from 0: they are places in these lists of names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = ["SPLIT_NAMES", "YOLOConfig", "damaged_yaml", "has_names", "is_config", "read_config", "read_names"]

SPLIT_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}
"""What the splits are called, by our name of each."""

_LARGEST_FILE = 1 << 20  # bytes: a list of names is short, and a file from anywhere may be anything


class YOLOConfig(NamedTuple):
    """What one such file says.

    Attributes:
        class_names: By class number.
        splits: Folders of images, or lists of images, of each split that it names; they need not exist.
        keypoints: Numbers that follow the box in each line of a pose set; 0 of any other.
        notes: What was decided in reading it.
    """

    class_names: tuple[str, ...]
    splits: dict[str, tuple[Path, ...]]
    keypoints: int = 0
    notes: tuple[str, ...] = ()


def is_config(path: Path) -> bool:
    """Whether a YAML file is one of these: it has names or a number of classes, and images to train on."""
    return has_names(path) and bool(_paths_of(_load(path), "train"))


def damaged_yaml(path: Path) -> Exception | None:
    """What keeps a YAML file from being read."""
    try:
        _load(path)
    except (ValueError, OSError) as error:
        return error
    return None


def has_names(path: Path) -> bool:
    """Whether a YAML file has names or a number of classes; supervision writes one with nothing else."""
    try:
        content = _load(path)
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and bool({"names", "nc"} & content.keys())


def read_config(path: Path) -> YOLOConfig:
    """Reads `data.yaml` (any name that ends with .yaml or .yml) or `obj.data`.

    A path starts from the file's `path`, and that from the file's folder. What is not there, because the set was moved
    or packed, is looked for below the file's folder by the end of its path, and noted.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is malformed, names no classes, or another number of them than it says.
    """
    return _read_darknet(path) if path.suffix == ".data" else _read_yaml(path)


def read_names(path: Path) -> tuple[str, ...]:
    """A file with one class name a line, such as labelImg's `classes.txt` and darknet's `obj.names`; or a data.yaml.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, or no text.
    """
    if path.suffix in (".yaml", ".yml"):
        return read_config(path).class_names
    return _checked([line.strip() for line in _text(path).splitlines() if line.strip()], path)


def _read_yaml(path: Path) -> YOLOConfig:
    content = _load(path)
    if not isinstance(content, dict):
        raise ValueError(f"Expected names, train and val in {path}, but it holds no mapping: choose Ultralytics' file.")
    base, notes = _base(path, content)
    splits: dict[str, tuple[Path, ...]] = {}
    for split in SPLIT_NAMES:
        found = [_located(text, base, path) for text in _paths_of(content, split)]
        splits |= {split: tuple(place for place, _ in found)} if found else {}
        notes += [note for _, note in found if note]
    return YOLOConfig(_names(content, path), splits, _keypoints(content, path), tuple(notes))


def _load(path: Path) -> Any:
    """The file's content, all scalars as text: a class called `no` is no truth value, and `1` is a name."""
    try:
        return yaml.load(_text(path), yaml.BaseLoader)  # builds texts, lists and mappings alone
    except (yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"Expected YAML in {path}, but {said}: correct the file.") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"Expected names and paths in {path}, but it has over a million bytes: choose another.")
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"Expected a file at {path}, but there is none: put it there.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected text in UTF-8 in {path}, but {error.reason}: save it as UTF-8.") from error


def _paths_of(content: Mapping[str, Any], split: str) -> list[str]:
    """The paths of a split as they are written; none where its key is missing, empty or null."""
    for name in SPLIT_NAMES[split]:
        value = content.get(name)
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        texts = [text for text in texts if isinstance(text, str) and text.strip() not in ("", "~", "null")]
        if texts:
            return texts
    return []


def _base(path: Path, content: Mapping[str, Any]) -> tuple[Path, list[str]]:
    """The folder that the paths of the splits start from."""
    text, home = content.get("path"), path.parent.absolute()
    if not isinstance(text, str) or text.strip() in ("", "~", "null", "."):
        return home, []
    if (home / text).is_dir():
        return home / text, []
    return home, [f"path: {text} of {path} is not there, so its folder {home} is taken."]


def _located(text: str, base: Path, path: Path) -> tuple[Path, str]:
    """Where a split's path leads, and a note where that is not as written."""
    place = base / text.replace("\\", "/")
    if place.exists():
        return place, ""
    parts, home = [part for part in place.parts if part != ".."], path.parent.absolute()
    tails = (home.joinpath(*parts[start:]) for start in range(1, len(parts)))
    found = next((tail for tail in tails if tail.exists()), None)
    return (place, "") if found is None else (found, f"{text} of {path} is not there, so {found} is taken.")


def _names(content: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    names, count = content.get("names"), content.get("nc")
    if isinstance(names, dict):
        numbers = [int(number) if number.isdecimal() else -1 for number in map(str, names)]
        if sorted(numbers) != list(range(len(numbers))):
            raise ValueError(f"Expected names by number, 0, 1, 2, …, in {path}, but got {list(names)}: correct them.")
        names = [name for _, name in sorted(zip(numbers, names.values(), strict=True))]
    elif names is None and isinstance(count, str) and count.isdecimal():
        names = [f"class_{number}" for number in range(int(count))] if int(count) < _LARGEST_FILE else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"Expected names: [cat, dog] or names: {{0: cat, 1: dog}} in {path}, but got {names!r}.")
    if isinstance(count, str) and count.isdecimal() and int(count) != len(names):
        raise ValueError(
            f"Expected nc: {len(names)} in {path}, as many as there are names, but got {count}: correct one."
        )
    return _checked([name.strip() for name in names], path)


def _checked(names: Sequence[str], path: Path) -> tuple[str, ...]:
    if not names or not all(names) or len(set(names)) != len(names):
        raise ValueError(
            f"Expected different class names in {path}, at least one, but got {list(names)}: correct them."
        )
    return tuple(names)


def _keypoints(content: Mapping[str, Any], path: Path) -> int:
    shape = content.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(str(each).isdecimal() for each in shape):
        raise ValueError(f"Expected kpt_shape: [17, 3] or the like in {path}, but got {shape!r}: correct it.")
    return int(shape[0]) * int(shape[1])


def _read_darknet(path: Path) -> YOLOConfig:
    pairs = (line.partition("=") for line in _text(path).splitlines() if "=" in line)
    content = {key.strip(): value.strip() for key, _, value in pairs}
    if not content.get("names"):
        raise ValueError(f"Expected names = obj.names in {path}, but it has no such line: add it.")
    base = path.parent.absolute()
    names, note = _located(content["names"], base, path)
    found = {split: [_located(text, base, path) for text in _paths_of(content, split)] for split in SPLIT_NAMES}
    splits = {split: tuple(place for place, _ in places) for split, places in found.items() if places}
    notes = [note, *(note for places in found.values() for _, note in places)]
    return YOLOConfig(read_names(names), splits, notes=tuple(filter(None, notes)))
