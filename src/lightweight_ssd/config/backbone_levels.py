"""How many levels a backbone will return, from the composed configuration alone: nothing is imported or built."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.part_nodes import class_of, node_at

__all__ = ["levels_of_backbone"]

_BACKBONE: Final = "detector.backbone"
_PACKAGE: Final = "lightweight_ssd.backbone."
_FIXED: Final = {  # levels that no setting changes
    "Darknet19": 2, "Darknet53": 3, "PeleeNet": 5, "SNet": 2, "VGG16": 1, "VGG16SSD": 6, "YOLONano": 3,
}  # fmt: skip
_OWN: Final = {  # strides of the levels below the extra layers, where none are given; None = they must be given
    "EfficientNetLite0": None, "MobileNetV1": (16, 32), "MobileNetV2": (16, 32), "TimmBackbone": None,
}  # fmt: skip


def levels_of_backbone(config: Mapping[str, Any]) -> int | None:
    """Levels of the backbone of a detector; None where they are not known for sure, as for somebody's own backbone.

    Args:
        config: Of any command, as plain containers, interpolations resolved.

    Example:
        >>> node = {"_target_": "lightweight_ssd.backbone.tiny_darknet.TinyDarknet", "level_strides": [16, 32]}
        >>> levels_of_backbone({"detector": {"backbone": node}}), levels_of_backbone({})
        (2, None)
    """
    node, name = node_at(config, _BACKBONE), class_of(config, _BACKBONE)
    if not str(node.get("_target_", "")).startswith(_PACKAGE):
        return None
    if name == "MBlitenet":
        return _sum(1, _marked(node.get("rows")), _length(node.get("extra_channels")))
    if name == "TinyDarknet":
        return _length(node.get("level_strides"))
    if name in _OWN:
        return _sum(_length(node.get("level_strides", _OWN[name])), _length(node.get("extra")))
    return _FIXED.get(name)


def _marked(rows: Any) -> int | None:
    """Rows whose output is a level."""
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return None
    return sum(bool(row.get("level")) for row in rows)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list | tuple) else None


def _sum(*numbers: int | None) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
