"""The surroundings of a run: its folder and lock, its batch size, its status and how it ends."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from lightweight_ssd.config.batch_split import BATCH_VARIABLE, BatchSplit, given_split, with_split
from lightweight_ssd.runs.files import LAST_CHECKPOINT
from lightweight_ssd.runs.folder import choose_run_dir, slug
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.runs.status import FINISHED, write_status
from lightweight_ssd.system.file_lock import holder, try_to_lock_run

__all__ = ["RunPlace", "is_first_rank", "placed", "settings_of_ranks", "status_of", "with_batch_size"]

# Lightning starts the other ranks of a machine as new processes; they inherit where the first one writes.
_RANK_VARIABLES = _RUN_DIR, _RESUME_FROM, _ = "LSSD_RUN_DIR", "LSSD_RESUME_FROM", BATCH_VARIABLE


class RunPlace(NamedTuple):
    """Where a run writes, and the checkpoint that it resumes from, if any."""

    run_dir: Path
    resume_from: Path | None


@contextmanager
def settings_of_ranks() -> Iterator[None]:
    """Forgets at the end what the other processes of this run inherit: the next run has settings of its own."""
    try:
        yield
    finally:
        for name in _RANK_VARIABLES:
            os.environ.pop(name, None)


def with_batch_size(cfg: DictConfig) -> DictConfig:
    """A copy with numbers for the batch, the same ones on every process."""
    if BATCH_VARIABLE not in os.environ:
        os.environ[BATCH_VARIABLE] = str(given_split(cfg) or _chosen(cfg))
    return with_split(cfg, BatchSplit.parse(os.environ[BATCH_VARIABLE]))


def _chosen(cfg: DictConfig) -> BatchSplit:
    from lightweight_ssd.training.batch_size import choose_batch

    return choose_batch(cfg)


@contextmanager
def placed(cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> Iterator[RunPlace]:
    """Decides where a run writes and what it resumes, and holds the run's lock.

    Args:
        cfg: Of `lssd train`, settled, with a number as `batch_size`.
        choices: Option per config group.
        overrides: As typed; those of parts become part of the folder's name.

    Raises:
        ValueError: The same run is being trained by another process.
        FileNotFoundError: `resume` names a file that does not exist.
    """
    if _RUN_DIR in os.environ:  # one of the other processes
        resume_from = os.environ.get(_RESUME_FROM)
        yield RunPlace(Path(os.environ[_RUN_DIR]), Path(resume_from) if resume_from else None)
        return
    content, lock = content_of(cfg), None
    if cfg.run_dir is None:
        runs = Path(cfg.runs).absolute()
        lock = try_to_lock_run(runs, content)
        if lock is None and cfg.resume == "auto":
            raise ValueError(f"This run is being trained by {holder(runs, content)}; wait for it or stop it.")
        name = f"{slug(cfg.seed, choices, overrides)}-{content}"
        place = RunPlace(*choose_run_dir(runs, cfg.experiment_name, name, str(cfg.resume)))
    else:
        place = _given_place(Path(cfg.run_dir).absolute(), str(cfg.resume))
    os.environ[_RUN_DIR], os.environ[_RESUME_FROM] = str(place.run_dir), str(place.resume_from or "")
    with lock or nullcontext():
        yield place


def _given_place(run_dir: Path, resume: str) -> RunPlace:
    """The place of a run whose folder was named."""
    if resume not in ("auto", "never"):
        return RunPlace(run_dir, Path(resume).absolute())
    last = run_dir / LAST_CHECKPOINT
    return RunPlace(run_dir, last if resume == "auto" and last.is_file() else None)


@contextmanager
def status_of(run_dir: Path) -> Iterator[None]:
    """Leaves a true `status.json` however the run ends, and says how to resume it.

    Raises:
        KeyboardInterrupt: In place of whatever a signal to this process ended in.
        SystemExit: With code 0 in place of that on the other processes of the run.
    """
    from lightweight_ssd.training.callbacks.interrupt import Interrupted

    def note(**fields: Any) -> None:
        if is_first_rank() and run_dir.is_dir():
            write_status(run_dir, **fields)

    with _sigterm_as_interrupt():
        try:
            yield
        except (Interrupted, KeyboardInterrupt, SystemExit) as stop:
            note(state="interrupted", error=str(stop) or type(stop).__name__)
            if not is_first_rank():
                raise SystemExit(0) from None  # an error code would make Lightning kill the first rank while it closes
            print(
                f"\nInterrupted. To resume: the same command with resume=auto\n(run folder {run_dir})", file=sys.stderr
            )
            raise KeyboardInterrupt(str(stop)) from None
        except Exception as error:
            expected = isinstance(error, ValueError | FileNotFoundError)
            note(state="failed", error=str(error) if expected else f"{type(error).__name__}: {error}")
            vars(error)["run_dir"] = run_dir  # where the command writes the traceback
            raise
        else:
            note(state=FINISHED, error=None, seconds_left=0)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as SIGINT does; only a main thread can hear of either."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def is_first_rank() -> bool:
    """Whether this is the process that writes and prints, the only one of a run on a single device."""
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0


def _raise_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
