"""The metrics of a run by name: what a table shows of each, and what a search optimizes."""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from lightweight_ssd.runs.results import COCOMetrics, RunResults

__all__ = ["METRICS", "metric_of", "objective_of"]

METRICS: Final[dict[str, Callable[[RunResults], float | None]]] = {
    "map_50": lambda results: results.test and results.test.map_50,
    "map_50_11point": lambda results: results.test and results.test.map_50_11point,
    "map_50_95": lambda results: results.test and results.test.map_50_95,
    "coco_ap": lambda results: results.test and results.test.coco and results.test.coco.ap,
    "gray_map_50": lambda results: results.test_gray and results.test_gray.map_50,
    "latency_ms": lambda results: results.latency and results.latency.ms,
    "training_hours": lambda results: results.training and _hours(results.training.seconds),
    "parameters": lambda results: results.parameters,
    "macs": lambda results: results.macs,
}
"""What a table shows of each run, and where it stands in the results."""


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 3600


def metric_of(results: RunResults, name: str) -> float | None:
    """One of `METRICS`; None where it was not measured.

    Example:
        >>> from lightweight_ssd.runs.results import SplitMetrics
        >>> metric_of(RunResults(test=SplitMetrics(map_50=0.75)), "map_50"), metric_of(RunResults(), "coco_ap")
        (0.75, None)
    """
    value = METRICS[name](results)
    return None if value is None else float(value)


def objective_of(results: RunResults, name: str) -> float | None:
    """The metric that a search optimizes, such as `val/map_50` or `test/coco_ap`; None where there is none.

    Args:
        results: Of the run. Validation metrics are those of the best checkpoint.
        name: Split and metric.
    """
    split, _, metric = name.partition("/")
    if split == "val":
        best = results.training and results.training.best_validation
        return (best or {}).get(metric)
    scalars = _scalars(results.test) | {f"coco_{key}": value for key, value in _scalars(_coco(results)).items()}
    return scalars.get(metric) if split == "test" else None


def _coco(results: RunResults) -> COCOMetrics | None:
    return results.test and results.test.coco


def _scalars(part: Struct | None) -> dict[str, float]:
    values = msgspec.structs.asdict(part) if part else {}
    return {name: value for name, value in values.items() if isinstance(value, float)}
