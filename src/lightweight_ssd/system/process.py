"""Which process a number means, and whether it still runs: numbers are used again, so its start counts, too."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["in_words", "is_running", "process_record"]

_ENDED = ("Z", "X")  # of the kernel's states: ended, and nobody has asked how


def process_record(pid: int | None = None) -> dict[str, Any]:
    """What identifies a process: its number, its machine, and when it began.

    Args:
        pid: None = this process.

    Returns:
        `pid`, `host` and `process_started`, a text that another process of the same number does not have.
    """
    started = _own_start(os.getpid()) if pid is None else _start(pid)
    return {"pid": pid or os.getpid(), "host": socket.gethostname(), "process_started": started}


def is_running(record: Mapping[str, Any]) -> bool | None:
    """Whether the process of a record still runs.

    Args:
        record: As `process_record` made it; without `process_started` the number alone is looked at.

    Returns:
        None where that cannot be seen from here: on another machine, in another container, for a record of nothing.
    """
    pid, began = record.get("pid"), record.get("process_started")
    if not isinstance(pid, int) or pid < 1 or record.get("host") != socket.gethostname():
        return None
    if isinstance(began, str) and began.count("/") == 2:
        (boot, space, _), here = began.split("/"), _place()
        if here and boot != here[0]:
            return False  # the machine was started again
        if here and space != here[1]:
            return None
    try:
        os.kill(pid, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass  # of another user, whose processes may be hidden
    now = _start(pid)
    if now is None:
        return False
    return now == began if now and began else True


def in_words(record: Mapping[str, Any]) -> str:
    """The process of a record for a sentence.

    Example:
        >>> in_words({"pid": 12, "host": "lab"}), in_words({})
        ('process 12 on lab', 'another process')
    """
    return f"process {record['pid']} on {record.get('host')}" if record.get("pid") else "another process"


@cache
def _own_start(pid: int) -> str | None:
    return _start(pid)


def _start(pid: int) -> str | None:
    """When a process began; empty where that is hidden, None where it has ended."""
    place = _place()
    if place is None:
        return _start_by_ps(pid)
    try:
        # The name of the program stands in brackets and may hold anything
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return None if state in _ENDED else "/".join((*place, fields[18]))  # ticks since the machine was started


def _place() -> tuple[str, str] | None:
    """What tells apart the same number after another start of the machine, and in another container, under Linux."""
    if sys.platform != "linux":
        return None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return boot, str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return None


def _start_by_ps(pid: int) -> str | None:
    """By the tool that every Unix has."""
    try:
        asked = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    except OSError:
        return ""
    state, _, began = asked.stdout.strip().partition(" ")
    return began.strip() if state and state[0] not in _ENDED else None
