"""What native libraries print, past Python's own streams, while they are not asked."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_native_output"]


@contextmanager
def without_native_output() -> Iterator[None]:
    """Drops what the block writes to the process's standard output and error, whatever language writes it.

    For the loading of a library that greets on its own; errors still come as exceptions.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in kept:
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
