"""What the configuration inside a checkpoint may build: classes of this package that a detector consists of.

A checkpoint is data that may come from anywhere. Hydra would follow a `_target_` to whatever can be imported, step by
step through attributes, so that `our.module.os.getcwd` is a function of Python's. Hence each target of a part must be
a class that one of the part's packages defines itself, and nothing else in the node may tell Hydra to do anything.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import PurePath
from typing import Any

from lightweight_ssd.system.plain_text import has_reference

__all__ = ["PARTS", "check_state", "check_targets"]

# The packages whose classes each part of a configuration may consist of, by the part's key.
PARTS = {
    "detector": ("backbone", "neck", "head", "anchors", "coding", "matching", "detector", "layers"),
    "data": ("data",),
    "criterion": ("criterion", "matching", "coding", "loss", "classification"),
    "datamodule.resize": ("augment",),
}
_TARGET = re.compile(r"(?P<module>lightweight_ssd\.(?P<package>[a-z]\w*)\.[a-z]\w*)\.(?P<name>[A-Z]\w*)", re.ASCII)


def check_targets(config: Mapping[str, Any], part: str, path: object) -> None:
    """Refuses a part of a checkpoint's configuration that asks for anything but classes that it may consist of.

    Args:
        config: From the checkpoint, plain containers.
        part: What is going to be built: one of `PARTS`.
        path: Of the checkpoint, for the message.

    Raises:
        ValueError: If the part is missing, names something else than such a class, or holds an interpolation or any of
            Hydra's keywords but `_target_` and `_partial_`.
    """
    node: Any = config
    for key in part.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ValueError(f"{path} has no {part} in its configuration; give a checkpoint that `lssd train` wrote.")
    _check(node, PARTS[part], path)


def check_state(checkpoint: Mapping[str, Any], path: object) -> None:
    """Refuses a checkpoint whose callbacks remember files outside their folder.

    Training that is resumed takes over what they remember. The one that keeps the best checkpoint removes the one
    before it, by the path in its state, wherever `..` leads.

    Args:
        checkpoint: As Lightning writes it.
        path: Of the checkpoint, for the message.

    Raises:
        ValueError: If any text in the state of the callbacks is a path with `..`.
    """
    nodes = [checkpoint.get("callbacks")]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Mapping):
            nodes += [*node.keys(), *node.values()]
        elif isinstance(node, list | tuple):
            nodes += node
        elif isinstance(node, str) and ".." in PurePath(node).parts:
            raise ValueError(f"{path} remembers the file {node}, which may lie anywhere; do not trust this file.")


def _check(node: Any, packages: tuple[str, ...], path: object) -> None:
    if isinstance(node, str) and has_reference(node):  # `${oc.create:…}` would make a node after this check
        raise ValueError(f"{path} holds the interpolation {node!r} in its configuration; do not trust this file.")
    if isinstance(node, list | tuple):
        for child in node:
            _check(child, packages, path)
    if isinstance(node, Mapping):
        _check_keywords(node, packages, path)
        for key, child in node.items():
            _check(key, packages, path)
            _check(child, packages, path)


def _check_keywords(node: Mapping[Any, Any], packages: tuple[str, ...], path: object) -> None:
    """Only `_target_`, with the name of an allowed class, and `_partial_`, true or false."""
    for key, value in node.items():
        keyword = isinstance(key, str) and key.startswith("_") and key.endswith("_")
        if keyword and not (key == "_target_" or (key == "_partial_" and isinstance(value, bool))):
            raise ValueError(f"{path} sets {key}={value} in its configuration; do not trust this file.")
    if "_target_" in node and not _is_class_of(node["_target_"], packages):
        raise ValueError(
            f"{path} asks for {node['_target_']}, which is no class that this part may consist of "
            f"({', '.join(packages)}); do not trust this file."
        )


def _is_class_of(target: Any, packages: tuple[str, ...]) -> bool:
    """Whether a target is a class, defined under this very name in a module directly in one of the packages."""
    match = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if match is None or match["package"] not in packages:
        return False
    try:
        found = vars(import_module(match["module"])).get(match["name"])
    except ModuleNotFoundError:
        return False
    return isinstance(found, type) and (found.__module__, found.__qualname__) == (match["module"], match["name"])
