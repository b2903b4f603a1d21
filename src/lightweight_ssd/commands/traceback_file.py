"""Where the traceback of a command that failed lies: in its run's folder, else in the user's own cache."""

import os
import re
import time
import traceback
from pathlib import Path

from lightweight_ssd.runs.files import ERROR_LOG

__all__ = ["cache_folder", "write_traceback"]


_KEPT = 20  # files in the cache; older ones are removed


def write_traceback(error: BaseException, command: str) -> Path | None:
    """Writes the traceback of an error.

    Args:
        error: Raised in a run that was being trained, it holds that run's folder as its attribute `run_dir`.
        command: Such as `lssd train`; a file in the cache is named by it, the time and the process, so that nobody
            overwrites it.

    Returns:
        The file; None if it could not be written, which must not hide the error itself.
    """
    text = "".join(traceback.format_exception(error))
    run_dir = getattr(error, "run_dir", None)
    try:
        if isinstance(run_dir, Path) and run_dir.is_dir():
            (run_dir / ERROR_LOG).write_text(text)
            return run_dir / ERROR_LOG
    except OSError:
        pass  # such as a full disk; the cache may lie on another one
    try:
        return _write_to_cache(text, command)
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        return None


def cache_folder() -> Path:
    """The folder of the tracebacks that belong to no run, in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightweight-ssd" / "errors"


def _write_to_cache(text: str, command: str) -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = re.sub(r"[^a-z0-9]+", "-", command.lower())
    file = folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.monotonic_ns()}.log"
    with file.open("x") as log:  # never through a link, never over what is there
        log.write(text)
    for old in sorted(folder.glob("*.log"), key=_modified)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return file


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
