"""Whether head and classification loss agree on a background class: a rule of `compatible_parts`."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.part_nodes import class_of, node_at

__all__ = ["background_output"]

_HEADS: Final = ("SSDHead", "BoxHead")
_BACKGROUND: Final = {  # whether the background is a class
    "FocalLoss": False, "HardNegativeLoss": False, "SampledLoss": False, "SigmoidLoss": False,
    "SoftmaxHardNegativeLoss": True,
}  # fmt: skip


def background_output(config: Mapping[str, Any]) -> str | None:
    """Head and classification loss have to agree on whether the background is one of the outputs."""
    place = "criterion.detections" if class_of(config, "criterion") == "TwoStageCriterion" else "criterion"
    loss, node = class_of(config, f"{place}.classification"), node_at(config, f"{place}.classification")
    has_one = bool(node_at(config, "detector.head").get("background"))
    if class_of(config, "detector.head") not in _HEADS or loss not in {*_BACKGROUND, "SoftmaxLoss"}:
        return None
    if loss == "SoftmaxLoss" and not node.get("background"):
        return (
            "Expected a classification loss that learns from the background for this head but got a softmax without "
            "it; give classification=softmax, or set classification.background=true."
        )
    if has_one == _BACKGROUND.get(loss, True):
        return None
    softmax = "softmax_hard_negative" if class_of(config, "detector.head") == "SSDHead" else "softmax"
    if has_one:
        return (
            f"Expected a loss with a background class for detector.head.background=true but got {loss}, which has "
            f"none; set detector.head.background=false, or classification={softmax}."
        )
    return (
        f"Expected detector.head.background=true for {loss}, which counts the background as a class, but got false; "
        "set it, or give classification=focal."
    )
