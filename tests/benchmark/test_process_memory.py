"""Resident and unique memory of real processes."""

import subprocess
import sys

import pytest

from lightweight_ssd.benchmark.process_memory import memory, total

# In a process of its own, where nothing that an earlier test took is given back meanwhile; pages straight from the
# system, since an allocator may serve an array from what it still holds. The child that is forked shares them, so they
# are no longer unique, and still resident.
_TAKES = """
import mmap, os
from lightweight_ssd.benchmark.process_memory import memory
before = memory()
pages = mmap.mmap(-1, 60_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for start in range(0, len(pages), 4096):
    pages[start] = 1
after = memory()
readable, writable = os.pipe()
if os.fork() == 0:
    os.close(writable)
    os.read(readable, 1)
    os._exit(0)
shared = memory()
os.close(writable)
grown = [later - earlier for later, earlier in zip((*after, *shared), (*before, *before))]
print(*grown, after.unique <= after.resident)
"""
_IDLES = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_pages_are_resident_and_unique_until_they_are_shared() -> None:
    answer = subprocess.run([sys.executable, "-c", _TAKES], capture_output=True, text=True, check=True).stdout.split()
    resident, unique, still_resident, still_unique = map(int, answer[:4])
    assert resident > 50e6 and unique > 50e6 and answer[4] == "True"
    assert still_resident > 50e6 and still_unique < 10e6


def test_processes_add_up() -> None:
    """With one that does nothing: what this one holds changes between two looks."""
    with subprocess.Popen([sys.executable, "-c", _IDLES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None and process.stdout.readline() == b"ready\n"
        both = total([process.pid, process.pid])
        assert both.resident == pytest.approx(2 * memory(process.pid).resident, rel=0.1)
        process.stdin.close()
    assert total([]) == (0, 0)


def test_a_process_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(
        ValueError, match=r"Expected to read the memory of process 4194305, but .*(not found|no process)"
    ):
        memory(4194305)  # more than a process id can be


def test_without_psutil_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(ValueError, match=r"pip install 'lightweight-ssd\[benchmarks\]'"):
        memory()
