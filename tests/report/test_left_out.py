"""Runs that are in no table are named in one list, and decide nothing about those that are."""

from pathlib import Path

import pytest
from tests.run_folders import TABLE, PlannedRow, draw_scene, write_run_folder

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.left_out import LeftOut, divide, left_out_line
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.runs.record import find_runs

FAILED = "the folder of data is missing"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A failed start of the baseline, two finished rows, one under way, and more failures."""
    scene = draw_scene(tmp_path / "images", 6)
    first = PlannedRow("marked", 0.5, ("neck=none",), "none", baseline=True)
    plan = [
        (first, 0, "failed"), (TABLE[0], 0, "finished"), (TABLE[2], 0, "finished"), (TABLE[2], 1, "interrupted"),
        (PlannedRow(None, 0.5, ("neck=pan", "x=1")), 0, "running"), (PlannedRow(None, 0.5, ("neck=pan",)), 0, "failed"),
    ]  # fmt: skip
    for place, (row, seed, state) in enumerate(plan):
        error = FAILED if state == "failed" else None
        write_run_folder(tmp_path / "runs" / f"{place}", row, seed, scene, hour=place, state=state, error=error)
    return tmp_path / "runs"


def test_runs_are_divided_by_what_they_have_to_show(folder: Path) -> None:
    shown = divide(find_runs([folder]))
    assert [row.label for row in shown.rows] == ["SSD", "CFPN"] and len(shown.started) == 1
    assert {row.label for row in shown.others} == {"marked", "neck=pan"}
    assert [(each.kind, each.reason) for each in shown.left_out] == [
        ("failed", FAILED), ("interrupted", None), ("failed", FAILED)
    ]  # fmt: skip
    assert shown.left_out[0].name == "necks: marked (seed 0)" and shown.left_out[0].place == str(folder / "0")


def test_the_label_of_a_row_depends_on_no_run_that_failed(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images", 4)
    for place, (typed, state) in enumerate([("a=1", "failed"), ("a=2", "finished"), ("a=2", "finished")]):
        row = PlannedRow(None, 0.5, (typed, f"b={place}"))
        write_run_folder(tmp_path / "runs" / f"{place}", row, 0, scene, hour=place, state=state, config={"b": place})
    shown = divide(find_runs([tmp_path / "runs"]))
    assert [row.label for row in shown.rows] == ["b=1", "b=2"]


def test_the_baseline_is_the_first_row_with_a_finished_run(folder: Path) -> None:
    found = compare(find_runs([folder]), folder / "cache", resamples=20)
    assert found.baseline is not None and found.baseline.label == "SSD" and len(found.differences) == 1
    assert "The baseline is SSD, since marked has no finished run yet." in found.notes


def test_a_baseline_that_is_named_may_still_be_under_way(folder: Path) -> None:
    found = compare(find_runs([folder]), folder / "cache", "marked", resamples=20)
    assert found.differences == {} and found.baseline is None
    assert any(note.startswith("The baseline marked has no finished run yet") for note in found.notes)


def test_no_note_names_a_failed_run(folder: Path) -> None:
    payload = build_payload(compare(find_runs([folder]), folder / "cache", resamples=20), max_images=0)
    assert not any(FAILED in note or "excluded" in note for note in payload["notes"])
    assert payload["left_out_line"] == "Not in the table: 1 run in progress, 2 failed, 1 interrupted."
    assert payload["states"] == {"finished": 2, "running": 1, "failed": 2, "interrupted": 1}
    assert [row["label"] for row in payload["rows"]] == ["SSD", "CFPN"]
    (started,) = payload["started"]
    (run,) = (run for run in payload["runs"] if run["id"] in started["runs"])
    assert run["state"] == "running" and len(run["curves"]["step"]) == 10 and run["val_map_50"] == 0.5


def test_a_finished_run_without_results_is_damaged(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path / "runs" / "a", TABLE[0], 0, draw_scene(tmp_path / "images", 2))
    (folder / "results.json").write_text("{")
    (left_out,) = divide(find_runs([tmp_path / "runs"])).left_out
    assert left_out.kind == "damaged" and "results.json" in str(left_out.reason)


def test_older_attempts_that_failed_are_counted_though_a_later_one_finished(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images", 2)
    for place, state in enumerate(["failed", "failed", "finished"]):
        write_run_folder(tmp_path / "runs" / f"{place}", TABLE[0], 0, scene, hour=place, state=state)
    shown = divide(find_runs([tmp_path / "runs"]))
    assert [row.seeds for row in shown.rows] == ["1"] and shown.notes == ()
    assert [Path(str(each.place)).name for each in shown.left_out] == ["0", "1"]


def test_the_line_counts_by_kind() -> None:
    kinds = ["failed", "aborted", "failed", "file", "file"]
    left_out = [LeftOut("a", kind, None, None, None) for kind in kinds]
    assert left_out_line(left_out) == "Not in the table: 2 failed, 1 aborted; 2 files or folders could not be used."
    assert left_out_line([]) == "" and left_out_line([], 1) == "Not in the table: 1 run in progress."
