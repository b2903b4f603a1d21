"""The record of a run survives its resume."""

import csv
from pathlib import Path

import pytest

from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV


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


def test_lightning_asks_after_every_row_and_the_file_is_not_written_as_often(tmp_path: Path) -> None:
    logger = MetricsCSV(str(tmp_path), flush_every=50)
    for step in range(49):
        logger.log_metrics({"a": 1.0}, step)
        logger.save()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told_of_and_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "metrics.csv").mkdir()  # a folder in the file's place stops even root
    logger = MetricsCSV(str(tmp_path), flush_every=2)
    for step in range(3):
        logger.log_metrics({"a": float(step)}, step)
    assert "Expected to write" in caplog.text and "metrics.csv" in caplog.text
    logger.finalize("failed")  # hides no error that is on its way
    with pytest.raises(NotWritten):
        logger.finalize("success")
    (tmp_path / "metrics.csv").rmdir()
    logger.log_metrics({"a": 3.0}, 3)
    assert [row["a"] for row in _rows(tmp_path)] == ["0.0", "1.0", "2.0", "3.0"]
