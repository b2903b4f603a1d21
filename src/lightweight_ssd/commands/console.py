"""What a user sees when something is wrong: one sentence, and the file of the traceback if it is not our sentence."""

import dis
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import InstantiationException

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

    A sentence that this package raised says all. What anything else raised is followed by the file of its traceback.

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
        print(f"{command}: {what}", file=sys.stderr)
        if not (expected and _is_our_sentence(error)):
            log = write_traceback(error, command)
            print(
                f"(the traceback is in {log})" if log else "(HYDRA_FULL_ERROR=1 shows the traceback)", file=sys.stderr
            )
        raise SystemExit(1) from None


def _is_our_sentence(error: Exception) -> bool:
    """Whether a `raise` of this package made it, and not a library that it called, such as `int` for a wrong number.

    Not counted are the sentence that we put around whatever a part raises, which may be a user's own, and what comes
    from a loader process, whose traceback is a note of the error.
    """
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    if place is None or isinstance(error.__cause__, InstantiationException) or getattr(error, "__notes__", None):
        return False
    ours = str(place.tb_frame.f_globals.get("__name__")).startswith(f"{__name__.partition('.')[0]}.")
    return ours and dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] == "RAISE_VARARGS"


@contextmanager
def relaunchable(command: str) -> Iterator[None]:
    """Puts the command back into `sys.argv`, which Hydra saw without: Lightning repeats it for the other ranks."""
    sys.argv.insert(1, command)
    try:
        yield
    finally:
        del sys.argv[1]
