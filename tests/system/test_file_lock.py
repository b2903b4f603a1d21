"""The lock of a run: held by one process at a time, and free when its holder is gone."""

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from lightweight_ssd.system.file_lock import holder, lock_run, try_to_lock_run

HOLD = """
import pathlib, sys
from lightweight_ssd.system.file_lock import try_to_lock_run
lock = try_to_lock_run(pathlib.Path(sys.argv[1]), "c")
print(bool(lock), flush=True)
sys.stdin.read()
"""


def _holder(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "True\n"
    return process


def test_one_holder_at_a_time_and_none_after_sigkill(tmp_path: Path) -> None:
    process = _holder(tmp_path)
    assert try_to_lock_run(tmp_path, "c") is None
    assert holder(tmp_path, "c").startswith(f"process {process.pid} on ")
    process.kill()
    process.wait()
    lock = try_to_lock_run(tmp_path, "c")
    assert lock is not None
    lock.close()


def test_other_content_is_free(tmp_path: Path) -> None:
    with lock_run(tmp_path, "a", lambda _: None), lock_run(tmp_path, "b", lambda _: None):
        assert try_to_lock_run(tmp_path, "a") is None


def test_waits_and_says_for_whom(tmp_path: Path) -> None:
    process, reported = _holder(tmp_path), []

    def waiting(who: str) -> None:
        reported.append(who)
        process.kill()

    with lock_run(tmp_path, "c", waiting, every=0.05):
        assert len(reported) == 1 and str(process.pid) in reported[0]
    process.wait()


def test_a_file_system_without_locks_is_told_of_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock_run(tmp_path, "c", lambda _: None):
        assert "does not support locks" in caplog.text
