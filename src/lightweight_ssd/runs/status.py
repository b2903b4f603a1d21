"""`status.json`: how far a run is and how it ended, in a file that is whole at any moment."""

import functools
import logging
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightweight_ssd.runs.files import STATUS_FILE
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.json_file import read_json, write_json

__all__ = [
    "FINISHED",
    "read_status",
    "write_status",
]

FINISHED = "finished"

log = logging.getLogger(__name__)


def write_status(run_dir: Path, **fields: Any) -> None:
    """Merges `fields` into the run's status and stamps the time and the process.

    A status that cannot be written is logged once: it must neither stop a run nor hide why another error did.

    Args:
        run_dir: Folder of the run.
        **fields: `state` is one of running, finished, interrupted, failed; anything that JSON holds beside it.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    status = {**read_status(run_dir), **fields, "updated": now, "pid": os.getpid(), "host": socket.gethostname()}
    try:
        write_json(run_dir / STATUS_FILE, status)
    except NotWritten as error:
        _warn_once(run_dir, str(error.__cause__))


def read_status(run_dir: Path) -> dict[str, Any]:
    """The run's status, empty where none was written yet."""
    return read_json(run_dir / STATUS_FILE)


@functools.cache
def _warn_once(run_dir: Path, reason: str) -> None:
    log.warning("%s could not be written (%s); the run goes on, its status stays old.", run_dir / STATUS_FILE, reason)
