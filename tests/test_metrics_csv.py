"""The record of a run survives its resume."""

import csv
from pathlib import Path

from lightweight_ssd.metrics_csv import MetricsCSV


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_no_rows_no_file(tmp_path: Path) -> None:
    MetricsCSV(str(tmp_path)).finalize("success")
    assert list(tmp_path.iterdir()) == []


def test_a_step_is_a_row(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path))
    logger.log_metrics({"train/loss": 2.0}, 0)
    logger.log_metrics({"train/loss": 1.5}, 10)
    logger.log_metrics({"val/map_50": 0.25}, 10)
    logger.finalize("success")
    assert _rows(tmp_path) == [
        {"step": "0", "train/loss": "2.0", "val/map_50": ""},
        {"step": "10", "train/loss": "1.5", "val/map_50": "0.25"},
    ]


def test_resume_keeps_the_past_and_drops_what_comes_again(tmp_path: Path) -> None:
    first = MetricsCSV(str(tmp_path))
    for step in range(5):
        first.log_metrics({"train/loss": float(step)}, step)
    first.finalize("failed")
    second = MetricsCSV(str(tmp_path))
    second.resume(3)
    second.log_metrics({"train/loss": 30.0}, 3)
    second.finalize("success")
    assert [(row["step"], row["train/loss"]) for row in _rows(tmp_path)] == [
        ("0", "0.0"), ("1", "1.0"), ("2", "2.0"), ("3", "30.0"),
    ]  # fmt: skip


def test_the_file_is_written_while_the_run_goes_on(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path), flush_every=2)
    logger.log_metrics({"a": 1.0}, 0)
    assert not (tmp_path / "metrics.csv").exists()
    logger.log_metrics({"a": 1.0}, 1)
    assert len(_rows(tmp_path)) == 2
