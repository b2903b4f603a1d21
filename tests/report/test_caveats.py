"""Everything that stands in the way of a plain comparison is said."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.caveats import comparison_notes
from lightweight_ssd.report.left_out import divide
from lightweight_ssd.report.rows import choose_baselines
from lightweight_ssd.runs.record import find_runs


def _notes(folder: Path) -> list[str]:
    shown = divide(find_runs([folder]))
    return comparison_notes(shown.rows, choose_baselines(shown.rows, None), (*shown.started, *shown.others))


def _update(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_table_without_trouble_has_no_notes(tmp_path: Path) -> None:
    write_table(tmp_path)
    assert _notes(tmp_path) == []


def test_commits_that_differ_between_rows_are_told_by_row(tmp_path: Path) -> None:
    folders = write_table(tmp_path)
    for folder in folders[:2]:
        _update(folder / "environment.json", commit="f" * 40)
    assert _notes(tmp_path) == ["Commits differ. ffffffffff: SSD; 0123456789: FPN, CFPN."]


def test_commits_that_differ_within_a_row_are_told_by_run(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:1])
    _update(folders[1] / "environment.json", commit=None, uncommitted_changes=True)
    commits, changed = _notes(tmp_path)
    assert commits == "Commits differ. 0123456789: SSD (seed 0); unknown: SSD (seed 1)."
    assert changed.endswith("SSD (seed 1).") and "uncommitted changes" in changed


def test_settings_of_the_measurement_that_differ(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:2], seeds=(0,))
    latency = {"device": "a GPU", "threads": 8, "ms": 2.0}
    _update(folders[0] / "results.json", postprocess={"score_threshold": 0.3}, input_size=[300, 300], latency=latency)
    _update(folders[0] / "identity.json", scale="full")
    said = " ".join(_notes(tmp_path))
    for words in (
        'Post-processing settings differ. {"score_threshold": 0.3}: SSD',
        "Image sizes (height, width) differ. [300, 300]: SSD; [64, 64]: FPN.",
        "Budgets (scale) differ. full: SSD; smoke: FPN.",
        "Devices on which latency was measured differ. a GPU, 8 threads: SSD; a CPU, 1 thread: FPN.",
    ):
        assert words in said


def test_the_papers_figures_beside_runs_of_another_kind(tmp_path: Path) -> None:
    folders = write_table(tmp_path)
    for folder in folders:
        _update(folder / "identity.json", choices={"data": "shapes"})
    (said,) = _notes(tmp_path)
    assert "VOC 2007 test" in said and "data=shapes and scale=smoke" in said
    for folder in folders:
        _update(folder / "identity.json", choices={"data": "voc"}, scale="full")
    assert _notes(tmp_path) == []


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    write_table(tmp_path, seeds=(0,))
    assert _notes(tmp_path)[0].startswith("Only one seed, so no ±: SSD, FPN, CFPN.")


def test_seeds_that_are_missing_or_not_measured(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    folders = [write_run_folder(tmp_path / "runs" / f"{seed}", TABLE[0], seed, scene) for seed in range(2)]
    write_run_folder(tmp_path / "runs" / "2", TABLE[0], 2, scene, state="failed")
    _update(folders[0] / "results.json", latency=None)
    said = _notes(tmp_path / "runs")
    assert "latency_ms was not measured for every seed: SSD (1 of 2 seeds)." in said
    assert not any("2 of 3" in note for note in said)  # that is in the table


def test_a_run_that_says_nothing_any_more(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    folder = write_run_folder(tmp_path / "run", TABLE[0], 0, scene, state="running")
    (note,) = _notes(tmp_path / "run")
    assert "silent for over an hour" in note and "SSD (seed 0) since 2026-01-01T12:00:00+00:00" in note
    _update(folder / "status.json", updated=datetime.now(UTC).isoformat())
    assert _notes(tmp_path / "run") == []


def test_two_marked_baselines(tmp_path: Path) -> None:
    write_table(tmp_path, (TABLE[1], TABLE[2]._replace(baseline=True)))
    assert _notes(tmp_path) == ["The baseline is FPN; CFPN is also marked as a baseline: baseline=… chooses it."]


def test_a_marked_baseline_without_a_finished_run_is_told(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images", 4)
    for place, (row, state) in enumerate(zip(TABLE, ("finished", "failed", "finished"), strict=True)):
        write_run_folder(tmp_path / "runs" / f"{place}", row, 0, scene, hour=place, state=state)
    assert "The baseline is SSD, since FPN has no finished run yet." in _notes(tmp_path / "runs")


def test_many_names_are_cut_short(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:1], seeds=tuple(range(8)))
    for folder in sorted((tmp_path / "necks").iterdir())[:7]:
        _update(folder / "environment.json", uncommitted_changes=True)
    assert _notes(tmp_path)[0].endswith("SSD (seed 5) and 1 more.")
    _update(tmp_path / "necks" / "07-seed7" / "environment.json", uncommitted_changes=True)
    assert _notes(tmp_path)[0].endswith("does not reproduce it: all runs.")
