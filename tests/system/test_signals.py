"""A run that lost its sweep gets SIGTERM."""

import os
import signal
import subprocess
import sys

CHILD = """
import signal
from lightweight_ssd.system.signals import stop_with_parent
stop_with_parent()
print("ready", flush=True)
signal.pause()
"""


def test_the_end_of_the_parent_is_noticed() -> None:
    read_end, write_end = os.pipe()
    environment = {**os.environ, "LSSD_PARENT_PIPE": str(read_end)}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], env=environment, pass_fds=(read_end,), stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    assert child.poll() is None
    os.close(write_end)
    assert child.wait(timeout=300) == -signal.SIGTERM
    os.close(read_end)
