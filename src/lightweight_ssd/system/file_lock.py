"""One process at a time trains a run: a lock that the operating system releases however its holder ends."""

import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

__all__ = ["holder", "lock_run", "try_to_lock_run"]

log = logging.getLogger(__name__)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # errors of network file systems without locks


def try_to_lock_run(runs: Path, content: str) -> IO[str] | None:
    """Takes the lock of a run if it is free.

    The lock belongs to the open file, not to the process: a child that inherits the file holds it too, and it is free
    again when the last of them has ended. Nothing has to be cleaned up after a SIGKILL.

    Args:
        runs: Folder of all runs.
        content: Hash of what the run computes; it is locked, and not the name of a folder.

    Returns:
        The open file, to be kept open for the whole run, or None while another process holds the lock.
    """
    folder = runs / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / content).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("%s does not support locks; do not start the same run twice at once.", folder)
    file.seek(0)
    file.truncate()
    json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
    file.flush()
    return file


def lock_run(runs: Path, content: str, waiting: Callable[[str], None], every: float = 1.0) -> IO[str]:
    """Takes the lock of a run, and waits without limit until it is free.

    Args:
        runs: Folder of all runs.
        content: Hash of what the run computes.
        waiting: Called once, with the holder in words, before the wait begins.
        every: Seconds between two attempts.

    Returns:
        The open file, to be kept open for the whole run.
    """
    file, reported = try_to_lock_run(runs, content), False
    while file is None:
        if not reported:
            waiting(holder(runs, content))
            reported = True
        time.sleep(every)
        file = try_to_lock_run(runs, content)
    return file


def holder(runs: Path, content: str) -> str:
    """The last holder of the lock, in words."""
    try:
        known: dict[str, Any] = json.loads((runs / ".locks" / content).read_text())
    except (OSError, ValueError):
        return "another process"
    return f"process {known.get('pid')} on {known.get('host')}"
