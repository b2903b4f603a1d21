"""Memory of processes, shared and unique apart, read by psutil.

Resident memory alone says little about data loader workers: a page that a worker shares with its parent counts in both,
and still counts once in each when the worker begins to hold a copy of its own. Only the unique memory grows then.

psutil comes with the extra `benchmarks`, not with the package: nothing else needs it. `system/memory` reads what a
process may still take by itself, since psutil does not know a container's limit.
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Memory", "memory", "total"]


class Memory(NamedTuple):
    """Bytes.

    Attributes:
        resident: All pages in memory, shared ones in full.
        unique: Pages that no other process shares; they would be free if this process ended.
    """

    resident: int
    unique: int


def memory(process: int | None = None) -> Memory:
    """Reads the memory of one process.

    Args:
        process: Its id; None = this process.

    Raises:
        ValueError: psutil is not installed, or there is no such process or no permission to look at it.
    """
    try:
        import psutil
    except ImportError:
        raise ValueError(
            "Expected psutil, but it is not installed: pip install 'lightweight-ssd[benchmarks]'."
        ) from None
    try:
        found = psutil.Process(process).memory_full_info()
    except psutil.Error as error:
        raise ValueError(f"Expected to read the memory of process {process}, but {error}.") from error
    return Memory(found.rss, found.uss)


def total(processes: Iterable[int]) -> Memory:
    """Adds up the memory of several processes; only in `unique` does no page count twice."""
    parts = [memory(process) for process in processes]
    return Memory(sum(part.resident for part in parts), sum(part.unique for part in parts))
