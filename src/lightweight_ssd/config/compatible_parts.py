"""Which parts cannot work together, said in one sentence before anything is built.

A rule is a function of the composed configuration that returns the sentence, or None where it has nothing to say. It
knows the project's own parts by the names of their classes; a part of somebody's own is left alone. Rules of a family
of detectors stand in a file of their own and are listed in `_RULES`.
"""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.compatible_background import background_output
from lightweight_ssd.config.compatible_levels import exact_levels, levels_to_fuse
from lightweight_ssd.config.compatible_two_stage import one_level, two_stage_criterion
from lightweight_ssd.config.compatible_yolo import yolo_classes, yolo_criterion, yolo_loss, yolo_passthrough
from lightweight_ssd.config.part_nodes import Rule, class_of

__all__ = ["check_parts"]

_UNPADDED: Final = {  # end in convolutions without padding, such as 5², 3² and 1² cells: least side, and a usual one
    "VGG16SSD": (268, 300), "PeleeNet": (257, 304),
}  # fmt: skip
_HALVING_NECKS: Final = ("CFPN", "PAN", "BiFPN")


def check_parts(config: Mapping[str, Any]) -> None:
    """Refuse parts that cannot work together.

    Args:
        config: Of any command, as plain containers, interpolations resolved.

    Raises:
        ValueError: The sentence of the first rule that has one.
    """
    for rule in _RULES:
        sentence = rule(config)
        if sentence is not None:
            raise ValueError(sentence)


def _halving(config: Mapping[str, Any]) -> str | None:
    """Necks that go from fine to coarse halve each level, which does not lead to the next one of every backbone."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    if backbone not in _UNPADDED or neck not in _HALVING_NECKS:
        return None
    return (
        f"Expected a neck that takes levels of any size for {backbone}, whose last levels are not halves of each "
        f"other, but got {neck}; give neck=fpn, neck=pelee or neck=none."
    )


def _least_side(config: Mapping[str, Any]) -> str | None:
    """The last level of a backbone without padding needs one cell at least."""
    backbone, size = class_of(config, "detector.backbone"), config.get("image_size")
    sides = [side for side in (size if isinstance(size, list) else [size]) if isinstance(side, int)]
    if backbone not in _UNPADDED or not sides or min(sides) >= _UNPADDED[backbone][0]:
        return None
    least, usual = _UNPADDED[backbone]
    return f"Expected an image_size of {least} or more a side for {backbone} but got {size}; give one such as {usual}."


_RULES: Final[tuple[Rule, ...]] = (
    background_output, _halving, _least_side, exact_levels, levels_to_fuse, two_stage_criterion, one_level,
    yolo_criterion, yolo_loss, yolo_classes, yolo_passthrough,
)  # fmt: skip
