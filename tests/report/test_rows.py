"""Runs become rows: the seeds of one row together, and only those that finished."""

import json
import statistics
from pathlib import Path

import pytest
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.rows import Spread, choose_baselines, config_differences, rows_of, spread
from lightweight_ssd.runs.record import find_runs
from lightweight_ssd.runs.result_metrics import metric_of


def _rows(*paths: Path):
    return rows_of(find_runs(paths))


def test_seeds_make_a_row_in_the_order_of_their_start(tmp_path: Path) -> None:
    write_table(tmp_path, seeds=(2, 0, 1))
    rows, notes = _rows(tmp_path)
    assert [row.label for row in rows] == ["SSD", "FPN", "CFPN"] and notes == []
    assert [[run.identity["seed"] for run in row.runs] for row in rows] == [[0, 1, 2]] * 3
    assert [(row.seeds, row.state, row.experiment, row.scale) for row in rows] == [
        ("3", "finished", "necks", "smoke")
    ] * 3


def test_spread_is_that_of_a_sample_and_one_seed_has_none(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:1], seeds=(0, 1, 2))
    ((row,), _) = _rows(tmp_path)
    values = [json.loads((run.folder / "results.json").read_text())["test"]["map_50"] for run in row.runs]
    found = spread(row, "map_50")
    assert found == Spread(statistics.fmean(values), pytest.approx(statistics.stdev(values)), 3)
    assert spread(row._replace(runs=row.runs[:1]), "map_50") == Spread(values[0], None, 1)
    hours = spread(row, "training_hours")
    assert hours is not None and hours.mean == pytest.approx(1476 / 3600)


def test_a_figure_that_was_not_measured(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    results = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps({**results, "latency": None, "test_gray": {"map_50": None}}))
    ((row,), _) = _rows(tmp_path)
    assert spread(row, "latency_ms") is None and metric_of(row.runs[0].results, "gray_map_50") is None
    assert spread(row, "parameters") is not None


def test_unfinished_runs_are_kept_but_not_averaged(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    for seed, state in enumerate(["finished", "failed", "running"]):
        write_run_folder(tmp_path / "runs" / str(seed), TABLE[0], seed, scene, state=state)
    ((row,), _) = _rows(tmp_path / "runs")
    assert (row.seeds, row.state, len(row.runs)) == ("1 of 3", "failed", 3)
    found = spread(row, "map_50")
    assert found is not None and (found.n, found.std) == (1, None)


def test_of_runs_that_compute_the_same_the_newest_finished_one_counts(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    for hour, state in enumerate(["finished", "finished", "failed"]):
        write_run_folder(tmp_path / "runs" / f"{hour}", TABLE[0], 0, scene, hour=hour, state=state)
    ((row,), notes) = _rows(tmp_path / "runs")
    assert [run.folder.name for run in row.runs] == ["1"]
    other = tmp_path / "runs" / "0"
    assert notes == [f"1 finished run computes the same as a newer one, which counts instead: {other}."]


def test_the_baseline_is_named_or_marked_or_first(tmp_path: Path) -> None:
    write_table(tmp_path, seeds=(0,))
    rows, _ = _rows(tmp_path)
    ids = [row.id for row in rows]
    assert choose_baselines(rows, None) == dict.fromkeys(ids, rows[1])
    assert choose_baselines(rows, "CFPN") == choose_baselines(rows, rows[2].id) == dict.fromkeys(ids, rows[2])
    plain = [row._replace(is_baseline=False) for row in rows]
    assert choose_baselines(plain, None) == dict.fromkeys(ids, plain[0])
    with pytest.raises(ValueError, match=r"got baseline=PAN; the rows are SSD \(\w+\); FPN \(\w+\); CFPN"):
        choose_baselines(rows, "PAN")


def test_rows_of_another_experiment_or_scale_never_share_a_baseline_unasked(tmp_path: Path) -> None:
    write_table(tmp_path, seeds=(0,))
    ssd, fpn, cfpn = (row._replace(is_baseline=False) for row in _rows(tmp_path)[0])
    assert choose_baselines([ssd, fpn, cfpn._replace(scale="full")], None) == {ssd.id: ssd, fpn.id: ssd}
    other = cfpn._replace(experiment="other", is_baseline=True)
    assert choose_baselines([ssd, fpn, other], None) == {ssd.id: ssd, fpn.id: ssd, cfpn.id: other}
    assert choose_baselines([ssd], None) == choose_baselines([], None) == {}


def test_config_differences_are_those_between_rows_only(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[1:], seeds=(0, 1))
    rows, _ = _rows(tmp_path)
    fpn, cfpn = (row.id for row in rows)
    necks = {fpn: "lightweight_ssd.neck.fpn.FPN", cfpn: "lightweight_ssd.neck.cfpn.CFPN"}
    assert config_differences(rows) == {"neck._target_": necks}


def test_a_key_that_one_row_lacks_is_a_difference(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    write_run_folder(tmp_path / "runs" / "a", TABLE[1], 0, scene)
    write_run_folder(tmp_path / "runs" / "b", TABLE[1], 0, scene, hour=1, config={"stem": {"stride": None}})
    rows, _ = _rows(tmp_path / "runs")
    assert config_differences(rows) == {"stem.stride": {rows[1].id: None}}
