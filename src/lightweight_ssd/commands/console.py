"""What a user sees when something is wrong: one sentence, and where the whole traceback lies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lightweight_ssd.commands.traceback_file import write_traceback
from lightweight_ssd.system.plain_text import printable
from lightweight_ssd.system.signals import INTERRUPTED_EXIT_CODE

__all__ = [
    "one_sentence_errors",
    "relaunchable",
]


@contextmanager
def one_sentence_errors(command: str) -> Iterator[None]:
    """Ends the process with one sentence on standard error instead of a traceback.

    Args:
        command: What the sentence starts with, such as `lssd train`.

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
        expected = isinstance(error, ValueError | FileNotFoundError)
        what = printable(str(error) if expected else f"{type(error).__name__}: {error}", keep="\n")
        log = write_traceback(error, command)
        where = f"(the traceback is in {log})" if log else "(HYDRA_FULL_ERROR=1 shows the traceback)"
        print(f"{command}: {what}\n{where}", file=sys.stderr)
        raise SystemExit(1) from None


@contextmanager
def relaunchable(command: str) -> Iterator[None]:
    """Puts the command back into `sys.argv`, which Hydra saw without: Lightning repeats it for the other ranks."""
    sys.argv.insert(1, command)
    try:
        yield
    finally:
        del sys.argv[1]
