"""A small file of a run read by type: what fits is kept, and each value that does not is left out with a sentence.

Run folders are copied from anywhere and edited by hand, and a file may be cut off, be of another program, or be no
file at all. Whoever reads one through here gets plain containers with text for keys, and never an error.
"""

import json
import math
import re
import stat
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

__all__ = ["read_list", "read_mapping", "without_wrong_values"]

_LARGEST_FILE = 20e6  # bytes; the real ones take some kilobytes
_MOST_VALUES = 200_000
_DEEPEST = 50
_ENDLESS = "it is nested or repeated without end"
_LARGEST_NUMBER = 1e19  # what is larger is no measurement, and arithmetic with it overflows

_ERRORS = (OSError, ValueError, RecursionError, yaml.YAMLError)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_mapping(path: Path, kind: type[Struct] | None = None) -> tuple[dict[str, Any], list[str]]:
    """A mapping from a JSON or YAML file; empty where there is none, or where it is not whole.

    Args:
        path: File that ends in `.json`, or a YAML file.
        kind: Types of the keys that are known; other keys stay as they are.

    Returns:
        The mapping, and a sentence for each thing that was left out.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        return {}, []
    except _ERRORS as error:
        return {}, [f"{path} cannot be read ({_reason(error)}) and was left out."]
    if not isinstance(content, dict):
        return {}, [f"{path} holds no mapping and was left out."]
    return (content, []) if kind is None else (content, without_wrong_values(content, kind, path))


def read_list(path: Path) -> list[str]:
    """The entries of a YAML list as text; none where there is no such list."""
    try:
        content = _content(path)
    except _ERRORS:
        return []
    return [str(each) for each in content] if isinstance(content, list) else []


def without_wrong_values(content: dict[str, Any], kind: type[Struct], path: Path) -> list[str]:
    """Takes the values out of `content` that are of another type than `kind` has for their key.

    Args:
        content: From `path`; it is changed.
        kind: Types of the keys that are known, none of which is required.
        path: For the sentences.

    Returns:
        A sentence for each value that was taken out.
    """
    problems: list[str] = []
    while True:
        try:
            msgspec.convert(content, kind)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at ")
            problems.append(f"{path} holds a wrong value at {_drop(content, place)} ({reason}), which was left out.")
        else:
            return problems


def _content(path: Path) -> Any:
    """What the file holds, as plain containers.

    Raises:
        ValueError: It is no file, a link to another folder, far too large, or nested without end.
    """
    status = path.stat()
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise ValueError("it is a link to another folder")  # a copied run would show whatever is there on this machine
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file")
    if status.st_size > _LARGEST_FILE:
        raise ValueError(f"it takes {status.st_size:,} bytes")
    text = path.read_text(encoding="utf-8")
    return _plain(json.loads(text) if path.suffix == ".json" else _yaml(text), [_MOST_VALUES])


def _yaml(text: str) -> Any:
    """Its depth is known before it is parsed, since the parser of C calls itself for each level."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(_ENDLESS)
    return yaml.load(text, _Loader)


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else type(error).__name__


def _plain(value: Any, left: list[int], depth: int = 0) -> Any:
    """The same with text for keys, and without what cannot be printed or computed with.

    Args:
        value: As a parser gives it; an alias in YAML may make it endless.
        left: How many more values may come.
        depth: Of the value.
    """
    left[0] -= 1
    if left[0] < 0 or depth > _DEEPEST:
        raise ValueError(_ENDLESS)
    if isinstance(value, dict):
        return {_printable(str(key)): _plain(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, left, depth + 1) for item in value]
    if isinstance(value, str):
        return _printable(value)
    too_large = isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER
    return str(value)[:40] if too_large and not _is_special(value) else value


def _is_special(value: int | float) -> bool:
    return isinstance(value, float) and not math.isfinite(value)  # settings may well be .inf


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def _printable(text: str) -> str:
    """Without control characters and halves of characters, which neither a console nor an SVG file can hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _drop(content: dict[str, Any], place: str) -> str:
    """Takes out the value that `$.test.map_50` names, as far as it names one; returns its dotted key."""
    named = re.search(r"\$([.\w]*)", place)
    keys = named[1].split(".")[1:] if named else []
    if not keys:
        content.clear()
        return "its root"
    node = content
    for key in keys[:-1]:
        node = node[key]
    del node[keys[-1]]
    return ".".join(keys)
