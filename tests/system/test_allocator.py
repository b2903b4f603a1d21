"""Freed memory that stays with the process."""

import os
import subprocess
import sys

import pytest

COUNT = """
import resource
from lightweight_ssd.system.allocator import keep_freed_memory
kept = {call}
import numpy as np
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(10_000_000)  # 80 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(kept, faults())
"""


def _run(call: str, **environment: str) -> tuple[str, int]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | environment
    done = subprocess.run(
        [sys.executable, "-c", COUNT.format(call=call)], capture_output=True, text=True, check=True, env=given,
        timeout=300,
    )  # fmt: skip
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux")
def test_a_large_array_is_fetched_once() -> None:
    kept, faults = _run("keep_freed_memory()")
    if kept == "False":
        pytest.skip("a C library without mallopt")
    assert faults < 100 < _run("None")[1]


def test_the_users_own_settings_stay() -> None:
    assert _run("keep_freed_memory()", MALLOC_MMAP_THRESHOLD_="1000000")[0] == "False"
