"""The lock of a run: held by one process at a time, and free when its holder is gone."""

import contextlib
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command_line import ending

from lightweight_ssd.system.file_lock import holder, holder_of, lock_run, try_to_lock, try_to_lock_run

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


def test_a_fork_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock, (read_end, write_end) = try_to_lock(tmp_path / "lock"), os.pipe()
    assert lock is not None
    child = os.fork()
    if child == 0:
        os.read(read_end, 1)
        os._exit(0)
    lock.close()
    with contextlib.ExitStack() as stack:
        stack.callback(os.waitpid, child, 0)
        stack.callback(os.write, write_end, b"x")
        again = try_to_lock(tmp_path / "lock")
        assert again is not None
        again.close()


LEAVES_A_HOLDER = """
import os, pathlib, signal, sys, time
from lightweight_ssd.system.file_lock import try_to_lock
lock = try_to_lock(pathlib.Path(sys.argv[1]))
copy = os.dup(lock.fileno())
if os.fork() == 0:  # this one does not know of the copy, as a library's own process would not
    time.sleep(600)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_lock_whose_owner_is_dead_is_taken_over_although_something_of_it_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    owner = subprocess.Popen([sys.executable, "-c", LEAVES_A_HOLDER, str(path)], start_new_session=True)
    try:
        assert owner.wait(timeout=300) == -signal.SIGKILL
        assert holder_of(path) is None, "a dead process is never named"
        with pytest.raises(BlockingIOError), path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock = try_to_lock(path)
        assert lock is not None
        assert holder_of(path) == f"process {os.getpid()} on {socket.gethostname()}"
        assert try_to_lock(path) is None
        lock.remove()
    finally:
        os.killpg(owner.pid, signal.SIGKILL)


def test_a_lock_can_be_handed_to_a_child_that_outlives_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = try_to_lock(path)
    assert lock is not None
    child = subprocess.Popen(["sleep", "600"], pass_fds=[lock.fileno()])
    with ending(child):
        lock.hand_over(child.pid)
        lock.drop()
        assert try_to_lock(path) is None
        assert holder_of(path) == f"process {child.pid} on {socket.gethostname()}"
    child.wait()
    again = try_to_lock(path)
    assert again is not None
    again.close()


def test_a_lock_that_was_removed_leaves_no_file(tmp_path: Path) -> None:
    lock = try_to_lock(tmp_path / "lock")
    assert lock is not None
    lock.remove()
    assert not list(tmp_path.iterdir())
