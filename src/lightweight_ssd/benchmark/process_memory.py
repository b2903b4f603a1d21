"""What a process has in memory, told apart by whether others have it too: Linux's own figures.

Resident memory alone says little about data loader workers: pages that a worker shares with its parent count in both,
and stay at the same number when the worker begins to hold copies of its own. So the parts are told apart here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

__all__ = ["Memory", "memory", "total"]

_PRIVATE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")


class Memory(NamedTuple):
    """Bytes.

    Attributes:
        resident: All pages in memory, shared ones in full.
        unique: Pages that nobody else has.
        proportional: Pages, each divided by the number of processes that share it: these add up.
    """

    resident: int
    unique: int
    proportional: int


def memory(process: int | str = "self", proc: Path = Path("/proc")) -> Memory:
    """Of one process, by its id.

    Raises:
        ValueError: The system does not tell, or there is no such process.
    """
    try:
        lines = (proc / str(process) / "smaps_rollup").read_text().splitlines()[1:]
    except OSError as error:
        raise ValueError(
            f"Expected Linux's memory figures of process {process}, but {error.strerror}: measure on Linux."
        ) from error
    size = {name: int(text.split()[0]) * 1024 for name, text in (line.split(":", 1) for line in lines)}
    return Memory(size["Rss"], sum(size.get(name, 0) for name in _PRIVATE), size["Pss"])


def total(processes: Iterable[int]) -> Memory:
    """Of several processes together; only `unique` and `proportional` count nothing twice."""
    parts = [memory(process) for process in processes]
    return Memory(*(sum(part[column] for part in parts) for column in range(3)))
