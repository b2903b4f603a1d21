"""The nodes of parts in a composed configuration, for rules about which of them fit each other."""

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Rule", "class_of", "node_at"]

Rule = Callable[[Mapping[str, Any]], str | None]
"""From the configuration, plain containers, to what is wrong with it."""


def node_at(config: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The mapping at a dotted path; an empty one where there is none.

    Example:
        >>> node_at({"detector": {"head": {"prior": 0.1}}}, "detector.head"), node_at({}, "detector.head")
        ({'prior': 0.1}, {})
    """
    node: Any = config
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def class_of(config: Mapping[str, Any], path: str) -> str:
    """Name of the class of the part at a dotted path; empty where there is none.

    Example:
        >>> class_of({"neck": {"_target_": "lightweight_ssd.neck.fpn.FPN"}}, "neck")
        'FPN'
    """
    return str(node_at(config, path).get("_target_", "")).rpartition(".")[2]
