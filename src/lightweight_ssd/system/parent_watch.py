"""A process that another one started ends with it, even if that one was killed.

A loader process that waits for its turn to write would not notice by itself, and would keep its memory for ever.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import wait

__all__ = ["end_with_parent", "end_with_process"]

_SECONDS = 0.5  # between two looks at the parent
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


def end_with_parent(from_main_thread: bool = False) -> None:
    """Ends this process, one of `multiprocessing`, as soon as its parent has ended.

    Args:
        from_main_thread: The main thread of the parent has started it. Linux then ends it even where it is deep in code
            that lets no other thread run; of any other thread Linux would take the end for that of the parent.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    pid = parent.pid if os.getppid() == parent.pid else None  # a fork server stands between them, or it has ended
    if pid is not None and from_main_thread:
        _let_linux_end_us(pid)
    threading.Thread(target=_watch, args=(parent.sentinel, pid), daemon=True, name="parent-watch").start()


def end_with_process(pid: int) -> None:
    """Ends this process as soon as the one that started it has ended, such as the first rank of a run.

    Args:
        pid: Of the parent; if it has ended already, this process ends at once.
    """
    _let_linux_end_us(pid)
    threading.Thread(target=_watch, args=(None, pid), daemon=True, name="parent-watch").start()


def _let_linux_end_us(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before Linux was asked
        os._exit(1)


def _watch(sentinel: int | None, parent: int | None) -> None:
    """Of the two signs of the end one may fail: brothers may hold the sentinel, and a fork server hides the parent."""
    while parent is None or os.getppid() == parent:
        if sentinel is None:
            time.sleep(_SECONDS)
        elif wait([sentinel], None if parent is None else _SECONDS):
            break
    os._exit(1)
