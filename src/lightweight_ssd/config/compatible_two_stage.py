"""Which criterion two stages need, and which losses a head with or without background: rules of `compatible_parts`."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.part_nodes import class_of, node_at

__all__ = ["background_output", "one_level", "two_stage_criterion"]

_TWO_STAGES: Final = "TwoStageDetector"
_CRITERIA: Final = {"SSDCriterion": False, "YOLOCriterion": False, "TwoStageCriterion": True}  # whether of two stages
_HEADS: Final = ("SSDHead", "BoxHead")
_KEEP_LEVELS: Final = ("NoNeck", "FPN", "CFPN", "PAN", "BiFPN")
_SEVERAL_LEVELS: Final = ("MBlitenet", "MobileNetV1", "MobileNetV2", "SNet", "VGG16SSD", "PeleeNet", "YOLONano")
_BACKGROUND: Final = {  # whether the background is a class
    "FocalLoss": False, "HardNegativeLoss": False, "SampledLoss": False, "SoftmaxHardNegativeLoss": True,
}  # fmt: skip


def two_stage_criterion(config: Mapping[str, Any]) -> str | None:
    """A detector of two stages has raw outputs that only its criterion can look into."""
    detector, criterion = class_of(config, "detector"), class_of(config, "criterion")
    if criterion not in _CRITERIA or detector not in ("Detector", _TWO_STAGES):
        return None
    if _CRITERIA[criterion] == (detector == _TWO_STAGES):
        return None
    kind = "two_stage for a detector of two stages" if detector == _TWO_STAGES else "ssd for a single-shot detector"
    return f"Expected criterion={kind} but got {criterion}; leave criterion=… out."


def one_level(config: Mapping[str, Any]) -> str | None:
    """Proposals are pooled from one map; of several, those that nothing is pooled from would learn nothing."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    if class_of(config, "detector") != _TWO_STAGES or neck not in _KEEP_LEVELS or backbone not in _SEVERAL_LEVELS:
        return None
    return (
        f"Expected a backbone and a neck with one level for a detector of two stages but {backbone} and {neck} have "
        "several; give neck=cem, which makes one of them."
    )


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
    if has_one:
        return (
            f"Expected a loss with a background class for detector.head.background=true but got {loss}, which has "
            "none; set detector.head.background=false, or classification=softmax."
        )
    return (
        f"Expected detector.head.background=true for {loss}, which counts the background as a class, but got false; "
        "set it, or give classification=focal."
    )
