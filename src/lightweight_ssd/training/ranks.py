"""Ranks that a launcher such as torchrun or srun has started share one run folder: the first one says which.

Ranks that a run starts itself inherit that from it, and need none of this.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.training.place import RunPlace

__all__ = ["announced", "launched_rank", "naming_lost_ranks", "place_of_first_rank"]

_BEFORE_US = 120  # seconds that the first rank may be earlier than this one; what is older is of another launch
_WAIT = 1800  # seconds
_BEGAN = time.time()
_LOST = re.compile(r"gloo|nccl|connection (?:reset|closed|refused)|broken pipe|socket", re.IGNORECASE)


def launched_rank(environment: Mapping[str, str]) -> int | None:
    """The number of this process among those of a launcher; None where no launcher started several.

    Example:
        >>> launched_rank({"RANK": "1", "WORLD_SIZE": "2"}), launched_rank({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"})
        (1, None)
    """
    for rank, size in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if rank in environment and int(environment.get(size, "1")) > 1:
            return int(environment[rank])
    return None


@contextmanager
def announced(place: RunPlace, runs: Path, content: str) -> Iterator[None]:
    """Tells the other ranks of this launch where the run writes; does nothing where there are none."""
    if launched_rank(os.environ) is None:
        yield
        return
    file = _file(runs, content)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {"run_dir": str(place.run_dir), "resume_from": str(place.resume_from or "")})
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
            file.parent.rmdir()


def place_of_first_rank(runs: Path, content: str) -> RunPlace:
    """Waits until the first rank has said where the run writes.

    Raises:
        ValueError: It never does.
    """
    file, end = _file(runs, content), time.monotonic() + _WAIT
    while time.monotonic() < end:
        with suppress(OSError):
            if file.stat().st_mtime > _BEGAN - _BEFORE_US and (known := read_json(file)):
                return RunPlace(Path(known["run_dir"]), Path(known["resume_from"]) if known["resume_from"] else None)
        time.sleep(0.2)
    raise ValueError(f"Expected the first rank to choose a run folder but there is no {file} after {_WAIT} s.")


@contextmanager
def naming_lost_ranks() -> Iterator[None]:
    """Around what the processes of a run do together: one that cannot reach another says so, in place of its library.

    Raises:
        ValueError: The connection to another process broke, mostly since that was killed.
    """
    from torch import distributed

    try:
        yield
    except RuntimeError as error:
        together = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
        if not together or not _LOST.search(str(error)):
            raise
        rank, size = distributed.get_rank(), distributed.get_world_size()
        raise ValueError(
            f"Expected {size} processes to train together, but process {rank} lost the connection to another one, "
            "which has ended or was killed: see what that one said; the same command with resume=auto then goes on "
            "from the last checkpoint."
        ) from error


def _file(runs: Path, content: str) -> Path:
    """One for each launch."""
    names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")
    launch = re.sub(r"[^\w.]+", "_", "-".join(os.environ[name] for name in names if name in os.environ))
    return runs / ".ranks" / f"{content}-{launch}.json"
