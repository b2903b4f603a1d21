"""Where each figure of a table stands in a run's results.json."""

from typing import Any

from lightweight_ssd.runs.record import RunRecord

__all__ = ["FIGURES", "figure_of"]

# Where each figure of a table stands in results.json; seconds become hours.
FIGURES = {
    "map_50": ("test", "map_50"),
    "map_50_11point": ("test", "map_50_11point"),
    "map_50_95": ("test", "map_50_95"),
    "coco_ap": ("test", "coco", "ap"),
    "gray_map_50": ("test_gray", "map_50"),
    "latency_ms": ("latency", "ms"),
    "training_hours": ("training", "seconds"),
    "parameters": ("parameters",),
    "macs": ("macs",),
}


def figure_of(run: RunRecord, figure: str) -> float | None:
    """One of `FIGURES` of a run, None where it was not measured."""
    value: Any = run.results
    for key in FIGURES[figure]:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 3600 if figure == "training_hours" else float(value)
