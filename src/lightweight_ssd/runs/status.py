"""`status.json`: how far a run is and how it ended, in a file that is whole at any moment."""

import functools
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightweight_ssd.runs.files import STATUS_FILE
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.system.process import in_words, is_running, process_record

__all__ = ["ABORTED", "FINISHED", "STARTING", "UNDER_WAY", "read_status", "seen_now", "write_status"]

STARTING = "starting"  # the folder is taken, and what the run needs is being prepared
FINISHED = "finished"
ABORTED = "aborted"  # its process has ended and could not say so
UNDER_WAY = (STARTING, "running")

log = logging.getLogger(__name__)


def write_status(run_dir: Path, **fields: Any) -> None:
    """Merges `fields` into the run's status and stamps the time and the process.

    A status that cannot be written is logged once: it must neither stop a run nor hide why another error did.

    Args:
        run_dir: Folder of the run.
        **fields: `state` is one of starting, running, finished, interrupted, failed; anything that JSON holds beside.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    status = {**_read(run_dir), **fields, "updated": now, **process_record()}
    try:
        write_json(run_dir / STATUS_FILE, status)
    except NotWritten as error:
        _warn_once(run_dir, str(error.__cause__))


def read_status(run_dir: Path) -> dict[str, Any]:
    """The run's status as it is now; empty where none was written yet, or where the file is damaged."""
    return seen_now(_read(run_dir))


def seen_now(status: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with the state `aborted` where the process that would be at work has ended on this machine."""
    if status.get("state") not in UNDER_WAY or is_running(status) is not False:
        return dict(status)
    error = f"{in_words(status)} ended without a word: it was killed, often for lack of memory, or the machine stopped"
    return {**status, "state": ABORTED, "error": error}


def _read(run_dir: Path) -> dict[str, Any]:
    try:
        return read_json(run_dir / STATUS_FILE)
    except (OSError, ValueError):
        return {}


@functools.cache
def _warn_once(run_dir: Path, reason: str) -> None:
    log.warning("%s could not be written (%s); the run goes on, its status stays old.", run_dir / STATUS_FILE, reason)
