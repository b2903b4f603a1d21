"""Jobs of a sweep that left no run are told of, and only those."""

import json
from pathlib import Path

import pytest
from tests.run_folders import TABLE, write_table

from lightweight_ssd.runs.record import RunRecord, find_runs
from lightweight_ssd.sweeps.notes import FailedJob, SweepNotes, sweep_notes
from lightweight_ssd.sweeps.record import JobRecord, write_job, write_sweep

JOBS = [["experiment=necks", "scale=smoke", f"neck={neck}"] for neck in ("none", "fpn", "cfpn", "pan")]


@pytest.fixture
def runs(tmp_path: Path) -> list[RunRecord]:
    write_table(tmp_path, TABLE[:2], seeds=(0,), num_images=2)
    return find_runs([tmp_path])


def _sweep(root: Path, name: str, *jobs: JobRecord, planned: list[list[str]] = JOBS) -> None:
    write_sweep(root / "sweeps" / name, planned, [])
    for job in jobs:
        write_job(root / "sweeps" / name, job)


def test_jobs_that_have_not_begun_are_counted(tmp_path: Path, runs: list[RunRecord]) -> None:
    done = JobRecord(0, JOBS[0], "done", run_dir=str(runs[0].folder))
    _sweep(tmp_path, "2026-01-01_00-00-00-aaaa", done)
    said = ("3 of 4 jobs of the newest sweep of necks (2026-01-01_00-00-00-aaaa) have not begun.",)
    for root in (tmp_path, tmp_path / "necks", tmp_path / "sweeps"):
        assert sweep_notes([root], runs) == SweepNotes((), said)
    assert sweep_notes([tmp_path, tmp_path / "necks"], runs).notes == said


def test_only_the_newest_sweep_of_an_experiment_counts(tmp_path: Path, runs: list[RunRecord]) -> None:
    _sweep(tmp_path, "2026-01-01_00-00-00-aaaa")
    begun = [JobRecord(place, job, "done", str(runs[0].folder)) for place, job in enumerate(JOBS)]
    _sweep(tmp_path, "2026-01-02_00-00-00-aaaa", *begun)
    _sweep(tmp_path, "2026-01-03_00-00-00-aaaa", planned=[["experiment=tune"], ["neck=fpn"]])
    assert sweep_notes([tmp_path], runs) == SweepNotes()


def test_a_job_that_failed_before_it_had_a_run(tmp_path: Path, runs: list[RunRecord]) -> None:
    log = str(tmp_path / "necks" / "gone" / "train.log")
    _sweep(
        tmp_path,
        "a",
        JobRecord(0, JOBS[0], "failed", run_dir=f"/on/another/machine/{runs[0].folder.name}", reason="is in the table"),
        JobRecord(1, JOBS[1], "failed", reason="ValueError: neck=fpn, no"),
        JobRecord(2, JOBS[2], "failed", run_dir=str(tmp_path / "necks" / "gone"), log=log),
        JobRecord(3, JOBS[3], "interrupted", reason="the sweep was stopped"),
    )
    found = sweep_notes([tmp_path], runs)
    assert found.failed == (
        FailedJob("necks", "neck=fpn", "failed", "ValueError: neck=fpn, no", None),
        FailedJob("necks", "neck=cfpn", "failed", None, log),
        FailedJob("necks", "neck=pan", "interrupted", "the sweep was stopped", None),
    )
    assert found.notes == ()  # the report's list of what is not in its table names them


def test_a_sweeper_that_decides_as_it_goes_plans_nothing(tmp_path: Path, runs: list[RunRecord]) -> None:
    _sweep(tmp_path, "a", JobRecord(0, ["experiment_name=necks", "optim.lr=1"], "failed", reason="no"), planned=[])
    assert [job.name for job in sweep_notes([tmp_path], runs).failed] == ["experiment_name=necks optim.lr=1"]


@pytest.mark.parametrize("planned", [3, [1], [["experiment=necks", 2]], {"a": 1}, None])
def test_a_sweep_that_is_damaged_is_passed_over(tmp_path: Path, runs: list[RunRecord], planned: object) -> None:
    _sweep(tmp_path, "a")
    (tmp_path / "sweeps" / "a" / "sweep.json").write_text(json.dumps({"planned": planned}))
    assert sweep_notes([tmp_path], runs) == SweepNotes()


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"number": 0, "what": 1})])
def test_a_record_that_cannot_be_read_is_passed_over(tmp_path: Path, runs: list[RunRecord], content: str) -> None:
    _sweep(tmp_path, "a")
    (tmp_path / "sweeps" / "a" / "jobs").mkdir()
    (tmp_path / "sweeps" / "a" / "jobs" / "0.json").write_text(content)
    found = sweep_notes([tmp_path], runs)
    assert found.failed == ()
