import subprocess
import sys
from pathlib import Path

import pytest

from lightweight_ssd.benchmark.process_memory import memory, total

# In a process of its own, where nothing that an earlier test took is given back meanwhile; pages straight from the
# system, since an allocator may serve an array from what it still holds.
TAKES = """
import mmap
from lightweight_ssd.benchmark.process_memory import memory
before = memory()
pages = mmap.mmap(-1, 60_000_000)
for start in range(0, len(pages), 4096):
    pages[start] = 1
after = memory()
print(*(later - earlier for earlier, later in zip(before, after)), after.unique <= after.proportional <= after.resident)
"""
IDLES = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_what_a_process_takes_shows_in_every_figure() -> None:
    answer = subprocess.run([sys.executable, "-c", TAKES], capture_output=True, text=True, check=True).stdout.split()
    assert all(int(grown) > 50e6 for grown in answer[:3])
    assert answer[3] == "True"


def test_processes_add_up() -> None:
    """Of one that does nothing: what this one holds changes between two looks."""
    with subprocess.Popen([sys.executable, "-c", IDLES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None and process.stdout.readline() == b"ready\n"
        both = total([process.pid, process.pid])
        assert both.resident == pytest.approx(2 * memory(process.pid).resident, rel=0.1)
        process.stdin.close()
    assert total([]) == (0, 0, 0)


def test_where_the_system_does_not_tell_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"memory figures of process 1, but .*: measure on Linux"):
        memory(1, proc=tmp_path)
