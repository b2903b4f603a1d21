"""The settings that decide which of a network's boxes are detections, checked in one place for every runtime."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Thresholds", "known_thresholds"]


@dataclass(frozen=True)
class Thresholds:
    """Settings of the post-processing; `dataclasses.replace` makes others of them.

    Attributes:
        score_threshold: A detection scores more than this, 0 to below 1. High values cost mean average precision.
        iou_threshold: Of two boxes of one class that overlap more, only the one with the higher score stays; 0 to 1.
        max_detections: Per image, over all classes; at least 1.
        max_candidates: (anchor, class) pairs per image, the best, that go into the suppression; at least 1.

    Raises:
        ValueError: On construction, for a setting out of its range.
    """

    score_threshold: float = 0.01
    iou_threshold: float = 0.6
    max_detections: int = 100
    max_candidates: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.score_threshold < 1:
            raise ValueError(f"Expected score_threshold from 0 to below 1 but got {self.score_threshold}.")
        if not 0 <= self.iou_threshold <= 1:
            raise ValueError(f"Expected iou_threshold from 0 to 1 but got {self.iou_threshold}.")
        for name in ("max_detections", "max_candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} as a whole number of at least 1 but got {getattr(self, name)}.")


_NAMES = tuple(field.name for field in fields(Thresholds))


def known_thresholds(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings from a configuration, if they are among those of `Thresholds` and numbers of the right kind.

    Args:
        settings: By name.

    Raises:
        ValueError: For a setting that is not known or is no number; the ranges are for `Thresholds` to check.

    Example:
        >>> Thresholds(**known_thresholds({"score_threshold": 0.5})).score_threshold
        0.5
    """
    if set(settings) - set(_NAMES):
        raise ValueError(f"Expected postprocess settings among {sorted(_NAMES)} but got {sorted(settings)}.")
    for name, value in settings.items():
        whole = name.startswith("max_")
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            kind = "a whole number of at least 1" if whole else "a number"
            raise ValueError(f"Expected {name} as {kind} but got {value}.")
    return dict(settings)
