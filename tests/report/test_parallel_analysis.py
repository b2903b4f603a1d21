"""Processes that analyze runs ahead of the comparison change nothing but the time it takes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import ending
from tests.run_folders import TABLE, write_table

from lightweight_ssd.report import parallel_analysis as analysis_pool
from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.parallel_analysis import analyze_ahead
from lightweight_ssd.report.run_analysis import is_analyzed
from lightweight_ssd.runs.record import find_runs

pytestmark = pytest.mark.slow


def _ahead(folders: list[Path], cache: Path, workers: int | None = 2) -> list[str]:
    said: list[str] = []
    analyze_ahead([(path.name, path) for path in folders], cache, 20, 0, workers, said.append)
    return said


def test_small_runs_are_left_to_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = write_table(tmp_path, TABLE[:2], num_images=4)
    assert _ahead(folders, tmp_path / "cache") == [] and not (tmp_path / "cache").exists()
    monkeypatch.setattr(analysis_pool, "_WORTH_IT", 0)
    assert _ahead(folders, tmp_path / "cache", workers=1) == _ahead(folders[:1], tmp_path / "cache") == []


def test_processes_give_what_one_process_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = write_table(tmp_path, num_images=6, seeds=(0,))
    (folders[1] / "detections.json").write_text("[{")

    def compared(cache: str, workers: int) -> tuple[Any, list[str]]:
        said: list[str] = []
        found = compare(find_runs([tmp_path]), tmp_path / cache, resamples=20, tell=said.append, workers=workers)
        return found, said

    alone, _ = compared("alone", 1)
    monkeypatch.setattr(analysis_pool, "_WORTH_IT", 0)
    together, said = compared("together", 2)
    assert said == [
        "analyzing 3 runs in 2 processes",
        "analyzed run 1 of 3: SSD (seed 0)",
        "analyzed run 2 of 3: FPN (seed 0)",
        "analyzed run 3 of 3: CFPN (seed 0)",
    ]
    assert together.intervals == alone.intervals and together.notes == alone.notes and len(alone.notes) == 1
    assert together.left_out == alone.left_out and "detections.json" in str(alone.left_out[0].reason)
    assert all(is_analyzed(folder, tmp_path / "together", 20, 0) for folder in folders)
    assert compared("together", 2)[1] == []


def test_a_process_that_is_killed_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_pool, "_WORTH_IT", 0)
    monkeypatch.setattr(analysis_pool, "_analyze", _killed)
    with pytest.raises(ValueError, match="lack of memory: call lssd report again with workers=1; it goes on"):
        _ahead(write_table(tmp_path, TABLE[:2], seeds=(0,), num_images=2), tmp_path / "cache")


def _killed(folder: Path, cache: Path, resamples: int, seed: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_ctrl_c_ends_all_processes_at_once(tmp_path: Path) -> None:
    """The pipe of standard error is at its end only when no process holds it any more."""
    write_table(tmp_path / "runs", TABLE[:2], num_images=4)
    code = (
        "import sys; from lightweight_ssd import cli; from lightweight_ssd.report import parallel_analysis; "
        "parallel_analysis._WORTH_IT = 0; "
        "sys.argv = ['lssd', 'report', 'workers=2', 'resamples=200000']; cli.main()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process, ending(process):
        assert process.stderr is not None
        assert process.stderr.readline() == "analyzing 4 runs in 2 processes\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130 and "Traceback" not in err and "interrupted" in err
