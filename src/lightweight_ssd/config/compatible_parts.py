"""Which parts cannot work together, said in one sentence before anything is built.

A rule is a function of the composed configuration that returns the sentence, or None where it has nothing to say. It
knows the project's own parts by the names of their classes; a part of somebody's own is left alone. Rules of a family
of detectors stand in a file of their own and are listed in `_RULES`.
"""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.compatible_two_stage import background_output, one_level, two_stage_criterion
from lightweight_ssd.config.compatible_yolo import yolo_classes, yolo_criterion, yolo_loss, yolo_passthrough
from lightweight_ssd.config.part_nodes import Rule, class_of, node_at

__all__ = ["check_parts"]

_SIGMOIDS: Final = ("FocalLoss", "HardNegativeLoss")
_WITH_BACKGROUND: Final = ("SoftmaxHardNegativeLoss",)
_UNPADDED: Final = ("VGG16SSD", "PeleeNet")  # end in convolutions without padding, such as 5², 3² and 1² cells
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


def _background(config: Mapping[str, Any]) -> str | None:
    """Head and classification loss have to agree on whether the background is one of the outputs."""
    loss, has_one = class_of(config, "criterion.classification"), node_at(config, "detector.head").get("background")
    if class_of(config, "detector.head") != "SSDHead":
        return None
    if has_one and loss in _SIGMOIDS:
        return (
            f"Expected a loss with a background class for detector.head.background=true but got {loss}, which has "
            "none; set detector.head.background=false, or classification=softmax_hard_negative."
        )
    if not has_one and loss in _WITH_BACKGROUND:
        return (
            f"Expected detector.head.background=true for {loss}, which counts the background as a class, but got "
            "false; set it, or give classification=focal."
        )
    return None


def _halving(config: Mapping[str, Any]) -> str | None:
    """Necks that go from fine to coarse halve each level, which does not lead to the next one of every backbone."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    if backbone not in _UNPADDED or neck not in _HALVING_NECKS:
        return None
    return (
        f"Expected a neck that takes levels of any size for {backbone}, whose last levels are not halves of each "
        f"other, but got {neck}; give neck=fpn, neck=pelee or neck=none."
    )


_RULES: Final[tuple[Rule, ...]] = (
    _background, _halving, yolo_criterion, yolo_loss, yolo_classes, yolo_passthrough, two_stage_criterion,
    one_level, background_output,
)  # fmt: skip
