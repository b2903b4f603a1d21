"""The results of a run are written and read back as one typed record, and a file that is damaged costs little."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from lightweight_ssd.metrics.names import COCO_METRICS, VOC_METRICS
from lightweight_ssd.runs.result_metrics import METRICS, metric_of
from lightweight_ssd.runs.results import ClassMetrics, COCOMetrics, Latency, RunResults, SplitMetrics, TrainingSummary
from lightweight_ssd.runs.results_file import load_results, read_results, results_of, results_schema, write_results

ROOT = Path(__file__).parents[2]
NAN = float("nan")
WRITTEN_BY_0_1_0 = Path(__file__).with_name("results_written_by_0_1_0.json")
RESULTS = RunResults(
    test=SplitMetrics(0.5, 0.48, 0.3, COCOMetrics(ap=0.31, ap_50=0.52), {"cat": ClassMetrics(0.5, 0.48, 0.3, 7)}),
    test_gray=SplitMetrics(map_50=0.4),
    parameters=4_000_000,
    macs=1_000_000_000,
    latency=Latency(ms=12.5),
    seed=3,
    training=TrainingSummary(steps=10, seconds=7200.0, best_validation={"map_50": 0.6}),
)


def damaged(folder: Path, **changes: Any) -> Path:
    write_results(folder, RESULTS)
    path = folder / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_results(tmp_path, RESULTS)
    assert read_results(tmp_path) == RESULTS


def test_what_was_not_measured_is_left_out_and_what_cannot_be_computed_is_null(tmp_path: Path) -> None:
    write_results(tmp_path, RunResults(test=SplitMetrics(NAN, NAN, NAN, per_class={"cat": ClassMetrics(NAN)})))
    content = json.loads((tmp_path / "results.json").read_text())
    nothing = {"ap_50": None, "ap_50_11point": None, "ap_50_95": None, "objects": None}
    means = dict.fromkeys(("map_50", "map_50_11point", "map_50_95"))
    assert content == {"test": {**means, "per_class": {"cat": nothing}}}


def test_a_file_of_the_first_version_is_read_whole() -> None:
    """It has every key that version 0.1.0 wrote."""
    results, problems = load_results(WRITTEN_BY_0_1_0)
    content = json.loads(WRITTEN_BY_0_1_0.read_text())
    kept = {key: value for key, value in content.items() if value is not None}
    assert not problems and msgspec.to_builtins(results) == kept
    assert {name: metric_of(results, name) for name in METRICS} == {
        **{name: content["test"][name] for name in ("map_50", "map_50_11point", "map_50_95")},
        "coco_ap": content["test"]["coco"]["ap"],
        "gray_map_50": content["test_gray"]["map_50"],
        "latency_ms": content["latency"]["ms"],
        "training_hours": content["training"]["seconds"] / 3600,
        "parameters": content["parameters"],
        "macs": content["macs"],
    }


def test_unknown_keys_are_passed_over_and_missing_ones_are_none(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"test": {"map_50": 1, "map_75": 0.2}, "of_a_later_version": [1]}')
    results = read_results(tmp_path)
    assert results == RunResults(test=SplitMetrics(map_50=1.0))
    measured = {name for name in METRICS if metric_of(results, name) is not None}
    assert measured == {"map_50"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"test": {"map_50": "0.5"}}, "test.map_50 (Expected `float | null`, got `str`)"),
        ({"latency": 3}, "latency (Expected `object | null`, got `int`)"),
        ({"test": {"per_class": {"a.b": {"ap_50": []}}}}, "test.per_class (Expected `float | null`, got `array`)"),
        ({"input_size": [300, None]}, "input_size (Expected `int`, got `null`)"),
    ],
)
def test_a_damaged_value_costs_that_value_alone(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    path = damaged(tmp_path, **changes)
    results, problems = load_results(path)
    assert problems == [f"{path} holds a wrong value at {place}, which was left out."]
    assert results.training == RESULTS.training and results.seed == 3
    with pytest.raises(ValueError, match=r"Expected whole results, but .* Evaluate the checkpoint again"):
        read_results(tmp_path)


def test_every_damaged_value_is_named(tmp_path: Path) -> None:
    results, problems = load_results(damaged(tmp_path, seed="one", macs=1.5, latency={"ms": {}}))
    assert [each.split(" at ")[1].split(" (")[0] for each in problems] == ["macs", "latency.ms", "seed"]
    assert results.parameters == 4_000_000 and results.latency == Latency()


@pytest.mark.parametrize("text", ['{"test": {"map', "", "[1]", "\x00"])
def test_a_file_that_is_not_whole_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    results, problems = load_results(tmp_path / "results.json")
    assert results == RunResults() and len(problems) == 1 and str(tmp_path / "results.json") in problems[0]
    with pytest.raises(ValueError, match="Expected whole results"):
        read_results(tmp_path)


def test_without_a_file_there_are_no_results(tmp_path: Path) -> None:
    assert load_results(tmp_path / "results.json") == (RunResults(), []) and read_results(tmp_path) == RunResults()


def test_a_value_of_the_wrong_type_cannot_be_recorded() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.training\.steps"):
        results_of({"training": {"steps": "ten"}})


def test_the_record_has_every_metric_of_an_evaluation() -> None:
    assert set(VOC_METRICS) <= set(SplitMetrics.__struct_fields__)
    assert tuple(COCOMetrics.__struct_fields__) == (*COCO_METRICS, "per_class")


def test_the_published_schema_is_that_of_the_code() -> None:
    """Where it is not, write `results_schema()` of `runs/results_file` there."""
    assert (ROOT / "docs" / "results_schema.json").read_text(encoding="utf-8") == results_schema()


def test_the_schema_takes_what_was_written_and_refuses_what_is_damaged() -> None:
    schema, content = json.loads(results_schema()), json.loads(WRITTEN_BY_0_1_0.read_text())
    jsonschema.validate(content, schema)
    content["test"]["map_50"] = "0.5"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)
