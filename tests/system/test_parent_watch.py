"""A process of `multiprocessing` ends with its parent, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import multiprocessing, os, sys, time
from lightweight_ssd.system.parent_watch import end_with_parent

def work(write_end, from_main_thread):
    end_with_parent(from_main_thread)
    print(os.getpid(), flush=True)
    while True:
        os.write(write_end, bytes(1 << 16))  # nobody reads, and its brother holds the other end

if __name__ == "__main__":
    read_end, write_end = os.pipe()
    context = multiprocessing.get_context(sys.argv[1])
    for from_main_thread in (True, False):
        context.Process(target=work, args=(write_end, from_main_thread)).start()
    time.sleep(600)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_it_ends_with_a_killed_parent_also_in_a_write(method: str, tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(CHILD)
    command = [sys.executable, str(tmp_path / "parent.py"), method]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert parent.stdout is not None
    try:
        children = [int(parent.stdout.readline()) for _ in range(2)]
        time.sleep(0.2)
        parent.kill()
        parent.wait()
        end = time.monotonic() + 60
        while any(map(_lives, children)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(_lives, children))
    finally:
        os.killpg(parent.pid, signal.SIGKILL) if any(map(_lives, children)) else None


def test_it_lives_as_long_as_its_parent_although_the_thread_that_started_it_ends(tmp_path: Path) -> None:
    code = """
import multiprocessing, os, threading, time
from lightweight_ssd.system.parent_watch import end_with_parent
def work(writer):
    end_with_parent()
    time.sleep(1)
    os.write(writer, b"alive")
reader, writer = os.pipe()
process = multiprocessing.get_context("fork").Process(target=work, args=(writer,))
thread = threading.Thread(target=process.start)
thread.start()
thread.join()
process.join()
print(process.exitcode)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert ended.stdout == "0\n", ended.stderr


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
