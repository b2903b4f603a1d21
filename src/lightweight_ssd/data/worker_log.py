"""What each data loader worker is reading, noted where it outlives the worker.

A worker that the operating system kills (by the out-of-memory killer, as a rule, or because a decoder crashed) says
nothing, and PyTorch knows its process id only. The note says which image it was reading.
"""

import os

import torch
from torch.utils.data import get_worker_info

__all__ = ["ReadingNotes"]

_MOST_WORKERS = 1024


class ReadingNotes:
    """A table in shared memory with one line for each worker: its process id and the number of its image.

    Forked workers and those that PyTorch spawns write to the same table; a plain pickle is a copy of it.

    Raises:
        ValueError: There is no room in shared memory.
    """

    def __init__(self) -> None:
        table = torch.full((_MOST_WORKERS, 2), -1, dtype=torch.int64)
        try:
            self._table = table.share_memory_()
        except RuntimeError as error:
            raise ValueError(
                f"Expected {table.nbytes // 1024} kB of shared memory for the data workers, but there is no room: make "
                "/dev/shm larger (docker run --shm-size=1g)."
            ) from error

    def write(self, index: int) -> None:
        """Notes the image that the calling worker reads next; nothing outside of a worker, which can speak itself."""
        worker = get_worker_info()
        if worker is not None:
            self._table.numpy()[worker.id % _MOST_WORKERS] = os.getpid(), index

    def find(self, pid: int) -> int | None:
        """The image that the worker with this process id read last; None if it read nothing."""
        rows = self._table[self._table[:, 0] == pid]
        return int(rows[0, 1]) if len(rows) else None
