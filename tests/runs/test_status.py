"""The status is whole JSON at any moment."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from lightweight_ssd.runs.status import read_status, write_status
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.json_file import write_json


def test_nothing_written_reads_as_empty(tmp_path: Path) -> None:
    assert read_status(tmp_path) == {}


def test_fields_are_merged(tmp_path: Path) -> None:
    write_status(tmp_path, state="running", step=3)
    write_status(tmp_path, state="finished")
    status = read_status(tmp_path)
    assert status["state"] == "finished" and status["step"] == 3 and status["pid"] and status["updated"]
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_figures_that_are_not_finite_become_null(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}, 3: "key"})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [None, 1.5], "c": {"d": None}, "3": "key"}


def test_a_status_that_cannot_be_written_is_told_of_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_status(tmp_path, state="running")
    (tmp_path / "status.json.part").mkdir()  # in the way of the file beside it, even for root
    for step in range(3):
        write_status(tmp_path, step=step)
    told = [record.getMessage() for record in caplog.records if record.name == "lightweight_ssd.runs.status"]
    assert len(told) == 1 and "the run goes on" in told[0]
    assert read_status(tmp_path)["state"] == "running"


@pytest.mark.parametrize("state", ["running", "starting"])
def test_a_run_whose_process_has_ended_is_aborted_at_once(tmp_path: Path, state: str) -> None:
    code = f"""
import pathlib, sys
from lightweight_ssd.runs.status import write_status
write_status(pathlib.Path(sys.argv[1]), state={state!r}, step=3)
print("written", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline()
    assert read_status(tmp_path)["state"] == state
    process.kill()
    process.wait()
    status = read_status(tmp_path)
    assert status["state"] == "aborted" and status["step"] == 3
    assert status["error"].startswith(f"process {process.pid} on ") and "ended without a word" in status["error"]


def test_a_run_on_another_machine_is_believed(tmp_path: Path) -> None:
    status = {"state": "running", "pid": 1, "host": "elsewhere", "process_started": "a/b/1"}
    write_json(tmp_path / "status.json", status)
    assert read_status(tmp_path)["state"] == "running"


@pytest.mark.parametrize("content", ["", "[1]", '{"state": "runn', "\x00"])
def test_a_damaged_status_reads_as_none_and_can_be_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    assert read_status(tmp_path) == {}
    write_status(tmp_path, state="failed")
    assert read_status(tmp_path)["state"] == "failed"


def test_figures_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "results.json.part").mkdir()
    with pytest.raises(NotWritten, match=r"Expected to write .*results\.json"):
        write_json(tmp_path / "results.json", {})
