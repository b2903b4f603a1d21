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


@pytest.mark.parametrize(("left", "steps"), [(0, []), (3, []), (18, [0]), (25, [0, 1]), (27, [0, 1])])
def test_a_file_that_was_cut_off_loses_its_last_rows_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int, steps: list[int]
) -> None:
    first = MetricsCSV(str(tmp_path))
    for step in range(5):
        first.log_metrics({"loss": 1.25}, step)
    first.finalize("success")
    whole = (tmp_path / "metrics.csv").read_bytes()
    assert whole.startswith(b"step,loss\n0,1.25\n1,1.25\n2,1.25\n")
    (tmp_path / "metrics.csv").write_bytes(whole[:left])
    second = MetricsCSV(str(tmp_path))
    second.resume(4)
    assert second.rows == {step: {"loss": 1.25} for step in steps}
    assert f"{tmp_path / 'metrics.csv'} is damaged and has lost rows before step 4" in caplog.text


def test_a_whole_file_is_not_called_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = MetricsCSV(str(tmp_path))
    first.resume(0)
    first.log_metrics({"loss": 1.25}, 0)
    first.finalize("success")
    MetricsCSV(str(tmp_path)).resume(5)
    assert not caplog.text


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
