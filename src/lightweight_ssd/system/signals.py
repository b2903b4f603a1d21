"""How a run is asked to stop; one that a sweep started ends with its sweep, even if the sweep was killed."""

import os
import signal
import threading

__all__ = ["INTERRUPTED_EXIT_CODE", "PARENT_PIPE", "Interrupted", "stop_with_parent"]

INTERRUPTED_EXIT_CODE = 130
PARENT_PIPE = "LSSD_PARENT_PIPE"


class Interrupted(Exception):
    """A signal asked the run to stop; its checkpoint is written."""


def stop_with_parent() -> None:
    """Sends this process SIGTERM once the sweep that started it has ended; does nothing without a sweep.

    The sweep holds the other end of a pipe. The operating system closes that end when the sweep dies, also by SIGKILL,
    and the run then stops as after Ctrl-C: with a checkpoint.
    """
    pipe = os.environ.pop(PARENT_PIPE, None)  # not for this run's own children, which do not inherit the pipe
    if pipe is not None:
        for number in (signal.SIGUSR1, signal.SIGUSR2):  # a scheduler warns every process of a job; the sweep's acts
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=_wait_for_end, args=(int(pipe),), daemon=True, name="parent-watch").start()


def _wait_for_end(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
