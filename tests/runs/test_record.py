"""Run folders are read back as they were written, whole or not."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.run_folders import COMMIT, TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.runs.record import find_runs, flat_config, read_run


def test_runs_are_found_below_any_root_once_and_by_start(tmp_path: Path) -> None:
    folders = write_table(tmp_path / "runs", seeds=(1, 0))
    runs = find_runs([folders[2], tmp_path / "runs", str(tmp_path / "runs" / "necks")])
    assert [run.folder for run in runs] == folders
    assert {run.state for run in runs} == {"finished"} and all(run.complete for run in runs)
    assert runs[0].environment["commit"] == COMMIT and runs[0].log == folders[0] / "train.log"


def test_nothing_is_searched_inside_a_run(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    shutil.copytree(folder, folder / "wandb" / "copy")
    assert [run.folder for run in find_runs([tmp_path])] == [folder]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Expected a folder of runs but there is none at .*nowhere"):
        find_runs([tmp_path / "nowhere"])
    assert find_runs([tmp_path]) == []


def test_columns_of_a_run_with_hours_by_step(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    columns = read_run(folder).metrics()
    assert columns["step"][:3].tolist() == [0, 2, 4] and columns["hours"][1] == pytest.approx(0.03)
    assert np.isnan(columns["val/map_50"][0]) and columns["val/map_50"][4] > 0
    assert {len(column) for column in columns.values()} == {20}


def test_a_metrics_file_cut_off_in_a_row_keeps_the_rest(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    text = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text(text[: text.rindex(",", 0, len(text) - 20)])
    (folder / "times.csv").unlink()
    columns = read_run(folder).metrics()
    assert len(columns["step"]) == 20 and np.isnan(columns["val/map_50_95"][-1]) and np.isnan(columns["hours"]).all()
    (folder / "metrics.csv").unlink()
    assert {name: len(column) for name, column in read_run(folder).metrics().items()} == {
        "step": 0,
        "hours": 0,
        "epoch": 0,
    }


@pytest.mark.parametrize("broken", ['{"test": {"map', "", "[1]", "\x00"])
def test_a_broken_results_file_is_named_and_the_run_does_not_count(tmp_path: Path, broken: str) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    (folder / "results.json").write_text(broken)
    (run,) = find_runs([tmp_path])
    assert not run.complete and run.state == "failed" and str(folder / "results.json") in run.problems[0]
    assert run.error == run.problems[-1]


def test_a_running_run_and_a_failed_one(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    running = write_run_folder(tmp_path / "a", TABLE[0], 0, scene, state="running")
    failed = write_run_folder(tmp_path / "b", TABLE[0], 1, scene, state="failed", error="NaN at step 7")
    states = [(run.state, run.complete, run.error) for run in map(read_run, (running, failed))]
    assert states == [("running", False, None), ("failed", False, "NaN at step 7")]


def test_a_run_whose_process_is_dead_is_aborted_and_says_so(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "a", TABLE[0], 0, draw_scene(tmp_path / "images"), state="running")
    status = json.loads((folder / "status.json").read_text())
    ended = subprocess.Popen(["true"])
    ended.wait()
    (folder / "status.json").write_text(json.dumps({**status, "pid": ended.pid, "host": socket.gethostname()}))
    run = read_run(folder)
    assert run.state == "aborted" and not run.complete and f"process {ended.pid} on " in (run.error or "")


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_run_that_is_under_way_says_how_far(tmp_path: Path, state: str) -> None:
    folder = write_run_folder(tmp_path / "a", TABLE[0], 0, draw_scene(tmp_path / "images"), state=state)
    assert read_run(folder).state == state


def test_conditions_are_those_that_were_noted_else_those_of_the_configuration(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[:1], seeds=(0,))
    assert read_run(folder).identity["conditions"]["trainer.devices"] == 1
    identity = json.loads((folder / "identity.json").read_text())
    (folder / "identity.json").write_text(json.dumps({**identity, "conditions": {"compile": True}}))
    assert read_run(folder).identity["conditions"] == {"compile": True}
    assert read_run(folder).identity["earlier_conditions"] == []


def test_a_run_from_before_there_was_an_identity(tmp_path: Path) -> None:
    """Two seeds of it still make one row, wherever they lie."""
    folders = write_table(tmp_path, TABLE[:2], seeds=(0, 1))
    for folder in folders:
        (folder / "identity.json").unlink()
        results = json.loads((folder / "results.json").read_text())
        for key in ("row", "overrides", "started", "label", "baseline", "paper"):
            del results[key]
        (folder / "results.json").write_text(json.dumps(results))
    first, second, other, _ = (run.identity for run in sorted(find_runs([tmp_path]), key=lambda run: run.folder))
    assert first["row"] == second["row"] != other["row"] and first["content"] != second["content"]
    assert (first["experiment"], first["seed"], first["baseline"]) == ("necks", 0, False)
    assert first["overrides"] == ["experiment=necks", "scale=smoke", "neck=none", "seed=0"]


def test_a_broken_identity_is_made_up_for_by_the_results(tmp_path: Path) -> None:
    """They hold the same, so the run stays with the other seeds of its row."""
    folders = write_table(tmp_path, TABLE[1:2], seeds=(0, 1))
    (folders[0] / "identity.json").write_text('{"content": "')
    first, second = sorted(find_runs([tmp_path]), key=lambda run: run.folder)
    assert "identity.json cannot be read" in first.problems[0] and first.complete
    assert all(first.identity[key] == second.identity[key] for key in ("row", "label", "baseline", "paper"))


def test_flat_config_is_what_a_run_computes(tmp_path: Path) -> None:
    (folder,) = write_table(tmp_path, TABLE[1:2], seeds=(3,))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["logger"] = {"csv": {"save_dir": "somewhere"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    flat = flat_config(read_run(folder))
    assert flat["neck.width"] == 192 and flat["seed"] == 3 and flat["trainer.max_epochs"] == 4
    assert flat["callbacks.interrupt.path"] == "RUN/checkpoints/last.ckpt"
    left_out = ("detector.neck.width", "trainer.devices", "data.root", "run_dir", "logger.csv.save_dir", "row.label")
    assert not set(left_out) & set(flat)


def test_a_config_without_a_later_key_does_not_differ_from_one_with_it(tmp_path: Path) -> None:
    """A run of an earlier version beside one of today: both read their data in the same way."""
    folders = write_table(tmp_path, TABLE[1:2], seeds=(0, 1))
    for folder, more in zip(folders, ({}, {"classes": None, "split": None}), strict=True):
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config["data"] |= more
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    first, second = (flat_config(read_run(folder)) for folder in folders)
    assert first | {"seed": 1} == second and first["data.classes"] is None
