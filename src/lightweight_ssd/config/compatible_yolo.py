"""Which parts of a YOLO need each other: rules of `compatible_parts`."""

from collections.abc import Mapping
from typing import Any, Final

from lightweight_ssd.config.part_nodes import class_of, node_at

__all__ = ["yolo_classes", "yolo_criterion", "yolo_loss", "yolo_passthrough"]

_CRITERIA: Final = {"SSDHead": "SSDCriterion", "YOLOHead": "YOLOCriterion"}
_LOSSES: Final = {  # of the classes: whether they exclude each other
    "SigmoidLoss": False, "FocalLoss": False, "HardNegativeLoss": False, "SoftmaxLoss": True,
    "SoftmaxHardNegativeLoss": None, "SampledLoss": None,
}  # fmt: skip


def yolo_criterion(config: Mapping[str, Any]) -> str | None:
    """Objectness needs a head that predicts it and a criterion that teaches it."""
    head, criterion = class_of(config, "detector.head"), class_of(config, "criterion")
    if head not in _CRITERIA or criterion not in _CRITERIA.values() or _CRITERIA[head] == criterion:
        return None
    fits = _CRITERIA[head].removesuffix("Criterion").lower()
    return f"Expected criterion={fits} for a detector with {head} but got {criterion}; leave criterion=… out."


def yolo_loss(config: Mapping[str, Any]) -> str | None:
    """YOLO's localization loss takes the offsets of YOLO's coder for what they are."""
    coder = class_of(config, "detector.coder")
    place = "criterion.detections" if class_of(config, "criterion") == "TwoStageCriterion" else "criterion"
    if class_of(config, f"{place}.localization") != "YOLOLoss" or coder in ("", "CellCoder"):
        return None
    return (
        f"Expected a detector whose boxes are coded in cells, such as detector=yolov3, for YOLOLoss but got {coder}; "
        "give another loss, such as loss=smooth_l1."
    )


def yolo_classes(config: Mapping[str, Any]) -> str | None:
    """Whether classes exclude each other is said twice: in the head for scores, in the loss for training."""
    loss, softmax = class_of(config, "criterion.classification"), bool(node_at(config, "detector.head").get("softmax"))
    with_background = bool(node_at(config, "criterion.classification").get("background"))
    if class_of(config, "detector.head") != "YOLOHead" or loss not in _LOSSES:
        return None
    if _LOSSES[loss] == softmax and not with_background:
        return None
    kind, other = ("softmax_objects", "false") if softmax else ("sigmoid", "true")
    return (
        f"Expected classification={kind} for detector.head.softmax={str(softmax).lower()} but got {loss}; give that"
        + (f", or set detector.head.softmax={other}." if _LOSSES[loss] is (not softmax) else ".")
    )


def yolo_passthrough(config: Mapping[str, Any]) -> str | None:
    """YOLOv2's neck lays 2×2 fine cells into a coarse one, so there must be exactly twice as many rows and columns."""
    size = config.get("image_size")
    sides = size if isinstance(size, list) else [size]
    if class_of(config, "detector.neck") != "YOLOv2Neck" or not any(isinstance(s, int) and s % 32 for s in sides):
        return None
    return f"Expected an image_size of multiples of 32 for neck=yolov2 but got {size}; give one such as 416 or 544."
