"""Whether a neck can take as many levels as the backbone returns: rules of `compatible_parts`."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.backbone_levels import levels_of_backbone
from lightweight_ssd.config.part_nodes import class_of

__all__ = ["exact_levels", "levels_to_fuse"]

_EXACT: Final = {  # levels that the neck takes, its option and one of a backbone with so many
    "TinyYOLOv3Neck": (2, "tiny_yolov3", "tiny_darknet_two_levels"),
    "YOLOv2Neck": (2, "yolov2", "darknet19"),
    "YOLONanoNeck": (3, "yolo_nano", "yolo_nano"),
}
_WORDS: Final = {2: "two", 3: "three"}
_FUSING: Final = ("BiFPN", "CFPN", "PAN")


def exact_levels(config: Mapping[str, Any]) -> str | None:
    """The necks of some detectors are drawn for as many levels as their own backbones have."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    levels = levels_of_backbone(config)
    if neck not in _EXACT or levels is None:
        return None
    expected, option, fits = _EXACT[neck]
    if levels == expected:
        return None
    return (
        f"Expected a backbone with {_WORDS[expected]} levels for neck={option} but got {backbone} with {levels}; give "
        f"backbone={fits}, or another neck."
    )


def levels_to_fuse(config: Mapping[str, Any]) -> str | None:
    """A neck that leads from level to level and back has nothing to do with a single one."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    if neck not in _FUSING or levels_of_backbone(config) != 1:
        return None
    return f"Expected two or more levels for {neck} to fuse but got {backbone} with 1; use neck=none."
