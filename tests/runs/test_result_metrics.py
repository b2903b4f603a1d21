"""Metrics are found in the results by their names."""

import math

import pytest
from tests.runs.test_results import RESULTS

from lightweight_ssd.runs.result_metrics import METRICS, metric_of, objective_of
from lightweight_ssd.runs.results import RunResults


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test/map_50", 0.5),
        ("test/map_50_95", 0.3),
        ("test/coco_ap", 0.31),
        ("test/coco_ar_1", None),
        ("val/map_50", 0.6),
        ("val/map_50_95", None),
        ("train/loss", None),
        ("test/per_class", None),
    ],
)
def test_objectives(name: str, expected: float | None) -> None:
    assert objective_of(RESULTS, name) == expected and objective_of(RunResults(), name) is None


def test_metrics_are_floats_and_none_without_a_measurement() -> None:
    values = {name: metric_of(RESULTS, name) for name in METRICS}
    assert all(isinstance(value, float) for value in values.values()) and values["training_hours"] == 2
    assert {metric_of(RunResults(), name) for name in METRICS} == {None}
    assert math.isclose(values["gray_map_50"] or 0, 0.4)
