"""What a detector of two stages needs of its criterion, backbone and neck: rules of `compatible_parts`."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.backbone_levels import levels_of_backbone
from lightweight_ssd.config.part_nodes import class_of

__all__ = ["one_level", "two_stage_criterion"]

_TWO_STAGES: Final = "TwoStageDetector"
_CRITERIA: Final = {"SSDCriterion": False, "YOLOCriterion": False, "TwoStageCriterion": True}  # whether of two stages
_SEVERAL: Final = (  # necks with several levels for a backbone with several
    "NoNeck", "FPN", "CFPN", "PAN", "BiFPN", "ResidualPrediction", "YOLOv3Neck", "TinyYOLOv3Neck", "YOLONanoNeck",
)  # fmt: skip


def two_stage_criterion(config: Mapping[str, Any]) -> str | None:
    """A detector of two stages has raw outputs that only its criterion can look into."""
    detector, criterion = class_of(config, "detector"), class_of(config, "criterion")
    if criterion not in _CRITERIA or detector not in ("Detector", _TWO_STAGES):
        return None
    if _CRITERIA[criterion] == (detector == _TWO_STAGES):
        return None
    single = "yolo" if class_of(config, "detector.head") == "YOLOHead" else "ssd"
    kind = "two_stage for a detector of two stages" if detector == _TWO_STAGES else f"{single} for this detector"
    return f"Expected criterion={kind} but got {criterion}; leave criterion=… out."


def one_level(config: Mapping[str, Any]) -> str | None:
    """Proposals are pooled from one map; of several, those that nothing is pooled from would learn nothing."""
    backbone, neck = class_of(config, "detector.backbone"), class_of(config, "detector.neck")
    if class_of(config, "detector") != _TWO_STAGES or neck not in _SEVERAL:
        return None
    if levels_of_backbone(config) in (None, 0, 1):
        return None
    return (
        f"Expected a backbone and a neck with one level for a detector of two stages but {backbone} and {neck} have "
        "several; give neck=cem, which makes one of them."
    )
