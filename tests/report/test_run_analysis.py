"""What is computed of one run's detections agrees with the run, and is computed once."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from tests.run_folders import TABLE, write_table

from lightweight_ssd.analysis.evaluated_set import read_evaluated_set
from lightweight_ssd.report.run_analysis import RunAnalysis, analyze_run, ground_truth_digest


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_table(tmp_path / "runs", TABLE[1:2], seeds=(0,), classes=("a", "b", "never drawn"))[0]


def _analyze(run: Path, **settings: int) -> RunAnalysis:
    analysis, problems = analyze_run(run, run.parent / "cache", **{"resamples": 50, "seed": 0, **settings})
    assert analysis is not None and problems == []
    return analysis


def test_the_files_give_the_figures_of_the_run(run: Path) -> None:
    results, analysis = json.loads((run / "results.json").read_text()), _analyze(run)
    assert analysis.map_50 == pytest.approx(results["test"]["map_50"], abs=1e-9)
    assert analysis.gray_map_50 == pytest.approx(results["test_gray"]["map_50"], abs=1e-9)
    assert analysis.resampled.shape == (50,) and abs(analysis.resampled.mean() - analysis.map_50) < 0.1
    assert analysis.gray_resampled is not None and analysis.image_scores.shape == (16,)


def test_curves_enclose_the_average_precision(run: Path) -> None:
    results, curves = json.loads((run / "results.json").read_text()), _analyze(run).precision_recall
    assert set(curves) == {"", "a", "b", "never drawn"} and len(curves[""]["recall"]) == 51
    for name, figures in results["test"]["per_class"].items():
        area = np.trapezoid(curves[name]["precision"], curves[name]["recall"])
        assert area == pytest.approx(figures["ap_50"], abs=0.03)
    assert np.trapezoid(curves[""]["precision"], curves[""]["recall"]) == pytest.approx(
        results["test"]["map_50"], abs=0.03
    )


def test_what_is_drawn_is_what_scores_at_least_30_percent(run: Path) -> None:
    drawn = [box for boxes in _analyze(run).found.values() for box in boxes]
    entries = json.loads((run / "detections.json").read_text())
    assert len(drawn) == sum(entry["score"] >= 0.3 for entry in entries) > 0
    assert all(box[5] >= 0.3 and box[0] < box[2] for box in drawn)


def test_a_second_look_computes_nothing_until_a_file_or_a_setting_changes(run: Path) -> None:
    told: list[int] = []

    def look(**settings: int) -> RunAnalysis | None:
        arguments = {"resamples": 20, "seed": 0, **settings}
        return analyze_run(run, run.parent / "cache", **arguments, tell=lambda: told.append(1))[0]

    first, second = look(), look()
    assert first is not None and second is not None and len(told) == 1
    for mine, yours in zip(first, second, strict=True):
        np.testing.assert_equal(mine, yours)
    look(seed=1)
    look(seed=1, resamples=10)
    os.utime(run / "detections.json", ns=(1, 1))
    look(seed=1, resamples=10)
    assert len(told) == 4 and len(list((run.parent / "cache").iterdir())) == 1


@pytest.mark.parametrize("file", ["detections.json", "ground_truth.json"])
@pytest.mark.parametrize("cut", [None, 40])
def test_a_file_that_is_missing_or_cut_off_is_named(run: Path, file: str, cut: int | None) -> None:
    text = (run / file).read_text()
    (run / file).unlink()
    if cut is not None:
        (run / file).write_text(text[:cut])
    analysis, problems = analyze_run(run, run.parent / "cache", 20, 0)
    assert analysis is None and len(problems) == 1
    assert ("is missing" if cut is None else "cannot be used") in problems[0]
    assert (file if cut is None else "detections.json") in problems[0]


def test_gray_detections_may_be_missing_but_not_broken(run: Path) -> None:
    (run / "detections_gray.json").write_text("[{")
    analysis, problems = analyze_run(run, run.parent / "cache", 20, 0)
    assert analysis is not None and analysis.gray_map_50 is None and "detections_gray.json" in problems[0]
    (run / "detections_gray.json").unlink()
    assert _analyze(run).gray_resampled is None


def test_the_digest_is_of_images_and_objects_not_of_where_they_lie(run: Path) -> None:
    def digest(**changes: object) -> str:
        content = {**json.loads((run / "ground_truth.json").read_text()), **changes}
        (run / "other.json").write_text(json.dumps(content))
        return ground_truth_digest(read_evaluated_set(run / "detections.json", run / "other.json"))

    content = json.loads((run / "ground_truth.json").read_text())
    moved = [{**image, "path": "elsewhere"} for image in content["images"]]
    renamed = [{**category, "name": category["name"] * 2} for category in content["categories"]]
    fewer = content["annotations"][1:]
    wider = [{**image, "width": 97} for image in content["images"]]
    assert digest() == digest(images=moved) == digest(categories=renamed)
    difficult = [{**known, "difficult": 1 - known["difficult"]} for known in content["annotations"]]
    others = (digest(annotations=fewer), digest(annotations=difficult), digest(images=wider))
    assert len({digest(), *others}) == 4
