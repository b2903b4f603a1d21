"""What a user sees when something is wrong: one sentence, and where the whole traceback lies."""

import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightweight_ssd.system.signals import INTERRUPTED_EXIT_CODE
from lightweight_ssd.training.quiet import quiet_frameworks

__all__ = [
    "one_sentence_errors",
    "quiet_frameworks",
    "relaunchable",
]


@contextmanager
def one_sentence_errors(command: str, log_dir: Path | None = None) -> Iterator[None]:
    """Ends the process with one sentence on standard error instead of a traceback.

    Args:
        command: What the sentence starts with, such as `lssd train`.
        log_dir: Folder for `error.log`, which holds the traceback; None = the system's temporary folder.

    Raises:
        SystemExit: With code 1 on an error, 130 on Ctrl-C. With `HYDRA_FULL_ERROR=1` the error itself.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(f"{command}: interrupted.", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        log = _write_traceback(log_dir)
        expected = isinstance(error, ValueError | FileNotFoundError)
        what = str(error) if expected else f"{type(error).__name__}: {error}"
        print(f"{command}: {what}\n(the traceback is in {log})", file=sys.stderr)
        raise SystemExit(1) from None


def _write_traceback(log_dir: Path | None) -> Path:
    log = (log_dir if log_dir and log_dir.is_dir() else Path(tempfile.gettempdir())) / "lssd-error.log"
    try:
        log.write_text(traceback.format_exc())
    except OSError as error:  # a full disk must not hide the error itself
        logging.getLogger(__name__).warning("the traceback could not be written: %s", error)
    return log


@contextmanager
def relaunchable(command: str) -> Iterator[None]:
    """Puts the command back into `sys.argv`, which Hydra saw without: Lightning repeats it for the other ranks."""
    sys.argv.insert(1, command)
    try:
        yield
    finally:
        del sys.argv[1]
