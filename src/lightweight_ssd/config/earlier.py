"""Configurations of earlier versions, which old checkpoints and run folders hold, in the words of this one."""

from collections.abc import Mapping
from typing import Any

__all__ = ["brought_up_to_date"]

# Where the classes that a checkpoint of an earlier version names are now; it holds its configuration, and that paths.
_MOVED = {
    "lightweight_ssd.detector.Detector": "lightweight_ssd.detector.ssd.Detector",
    "lightweight_ssd.head.SSDHead": "lightweight_ssd.head.ssd.SSDHead",
    "lightweight_ssd.detector.head.SSDHead": "lightweight_ssd.head.ssd.SSDHead",
    "lightweight_ssd.anchors.SSDAnchors": "lightweight_ssd.anchors.ssd.SSDAnchors",
    "lightweight_ssd.detector.anchors.SSDAnchors": "lightweight_ssd.anchors.ssd.SSDAnchors",
    "lightweight_ssd.criterion.Criterion": "lightweight_ssd.criterion.ssd.SSDCriterion",
    "lightweight_ssd.loss.criterion.Criterion": "lightweight_ssd.criterion.ssd.SSDCriterion",
}
_CODER = "lightweight_ssd.coding.variance.VarianceCoder"
_MATCHER = "lightweight_ssd.matching.iou.IoUMatcher"


def brought_up_to_date(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration of `lssd train` of any version as today's would say it.

    Classes are named at their present place. Up to 0.2 the detector and the criterion had `variances`, and the
    criterion a `match_threshold`, in place of a coder and a matcher.

    Args:
        config: Plain containers; nothing in it is trusted or followed.

    Example:
        >>> old = {"detector": {"head": {"_target_": "lightweight_ssd.head.SSDHead"}, "variances": [1, 1, 1, 1]}}
        >>> detector = brought_up_to_date(old)["detector"]
        >>> detector["head"]
        {'_target_': 'lightweight_ssd.head.ssd.SSDHead'}
        >>> detector["coder"]
        {'_target_': 'lightweight_ssd.coding.variance.VarianceCoder', 'variances': [1, 1, 1, 1]}
    """
    moved: dict[str, Any] = _moved(config)
    for part in ("detector", "criterion"):
        moved |= {part: _as_part(moved[part], "variances", "coder", _CODER, "variances")} if part in moved else {}
    if "criterion" in moved:
        moved["criterion"] = _as_part(moved["criterion"], "match_threshold", "matcher", _MATCHER, "threshold")
    return moved


def _as_part(node: Any, key: str, part: str, target: str, parameter: str) -> Any:
    """A node with a part in place of the value that it had."""
    if not isinstance(node, Mapping) or key not in node or part in node:
        return node
    rest = {name: value for name, value in node.items() if name != key}
    return {**rest, part: {"_target_": target, parameter: node[key]}}


def _moved(node: Any) -> Any:
    """The same with each class that has moved at its present place."""
    if isinstance(node, Mapping):
        moved = {key: _moved(value) for key, value in node.items()}
        target = {"_target_": _MOVED.get(str(node["_target_"]), node["_target_"])} if "_target_" in node else {}
        return moved | target
    return [_moved(item) for item in node] if isinstance(node, list | tuple) else node
