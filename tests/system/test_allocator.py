"""Freed memory that stays with the process."""

import os
import platform
import subprocess
import sys

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


def test_a_large_array_is_fetched_once() -> None:
    """With the C library that can be told to; any other says that it keeps nothing."""
    kept, faults = _run("keep_freed_memory()")
    has_setting = platform.libc_ver()[0] == "glibc"
    assert kept == str(has_setting)
    assert (faults < 100) == has_setting
    assert _run("None")[1] > 100


def test_the_users_own_settings_stay() -> None:
    assert _run("keep_freed_memory()", MALLOC_MMAP_THRESHOLD_="1000000")[0] == "False"
