"""The surroundings of a run: its folder and lock, its batch size, its status and how it ends."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lightweight_ssd.config.batch_split import BATCH_VARIABLE, BatchSplit, given_split, with_split
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.runs.ownership import holds_training
from lightweight_ssd.runs.status import FINISHED, STARTING, read_status, write_status
from lightweight_ssd.system.parent_watch import end_with_process
from lightweight_ssd.system.signals import Interrupted
from lightweight_ssd.training.place import RunPlace, finished_place, owned
from lightweight_ssd.training.ranks import announced, launched_rank, place_of_first_rank

__all__ = ["MEMORY_ORDER_VARIABLE", "is_first_rank", "placed", "settings_of_ranks", "status_of", "with_batch_size"]

# Lightning starts the other ranks of a machine as new processes; they inherit where the first one writes.
_RUN_DIR, _RESUME_FROM, _FIRST_PROCESS = "LSSD_RUN_DIR", "LSSD_RESUME_FROM", "LSSD_FIRST_PROCESS"
MEMORY_ORDER_VARIABLE = "LSSD_CHANNELS_LAST"
"""What the first process chose for `channels_last`: 1 or 0."""
_RANK_VARIABLES = (_RUN_DIR, _RESUME_FROM, BATCH_VARIABLE, _FIRST_PROCESS, MEMORY_ORDER_VARIABLE)


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
    """Decides where a run writes and what it resumes, and owns that folder; the other processes of a run share it.

    Args:
        cfg: Of `lssd train`, settled, with a number as `batch_size`.
        choices: Option per config group.
        overrides: As typed; those of parts become part of the folder's name.

    Raises:
        ValueError, FileNotFoundError: As `owned`.
    """
    if _RUN_DIR in os.environ:  # one of the other processes
        end_with_process(int(os.environ[_FIRST_PROCESS]))
        resume_from = os.environ.get(_RESUME_FROM)
        yield RunPlace(Path(os.environ[_RUN_DIR]), Path(resume_from) if resume_from else None)
        return
    runs, content = Path(cfg.runs).absolute(), content_of(cfg)
    if launched_rank(os.environ):  # the first one may be through with a finished run before this one can ask it
        yield finished_place(cfg, choices, overrides) or place_of_first_rank(runs, content)
        return
    with owned(cfg, choices, overrides) as place, announced(place, runs, content):
        os.environ |= {
            _RUN_DIR: str(place.run_dir), _RESUME_FROM: str(place.resume_from or ""), _FIRST_PROCESS: str(os.getpid())
        }  # fmt: skip
        yield place


@contextmanager
def status_of(run_dir: Path) -> Iterator[None]:
    """Leaves a true `status.json` however the run ends, and says how to resume it.

    A finished run stays finished where an attempt to train it further ends before it trains.

    Raises:
        KeyboardInterrupt: In place of whatever a signal to this process ended in.
        SystemExit: With code 0 in place of that on the other processes of the run.
    """

    def note(**fields: Any) -> None:
        if is_first_rank() and run_dir.is_dir() and read_status(run_dir).get("state") != FINISHED:
            write_status(run_dir, **fields)

    with _signals_as_interrupt():
        try:
            note(state=STARTING, error=None)
            yield
        except (Interrupted, KeyboardInterrupt, SystemExit) as stop:
            reason = _reason(stop)
            note(state="interrupted", error=reason)
            if not is_first_rank():
                raise SystemExit(0) from None  # an error code would make Lightning kill the first rank while it closes
            print(f"\nInterrupted. {_how_to_go_on(run_dir)}", file=sys.stderr)
            raise KeyboardInterrupt(reason) from None
        except Exception as error:
            expected = isinstance(error, ValueError | FileNotFoundError)
            note(state="failed", error=str(error) if expected else f"{type(error).__name__}: {error}")
            vars(error)["run_dir"] = run_dir  # where the command writes the traceback
            raise
        else:
            note(state=FINISHED, error=None, seconds_left=0)


def _reason(stop: BaseException) -> str:
    """Why a run was stopped; Lightning ends the process with code 1 where Ctrl-C met it outside of the training."""
    cause: BaseException | None = stop
    while isinstance(cause, SystemExit) and cause.__context__ is not None:
        cause = cause.__context__
    if type(cause).__name__ == "SIGTERMException":  # Lightning has heard of it, too, and was quicker
        return "stopped by SIGTERM"
    if isinstance(cause, SystemExit):
        return f"the process was ended with exit code {cause.code}"
    return str(cause) or "stopped by SIGINT"


def _how_to_go_on(run_dir: Path) -> str:
    if not holds_training(run_dir):
        return "The first step was not made, so there is nothing to resume."
    return f"To resume: the same command with resume=auto\n(run folder {run_dir})"


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt with their name; only a main thread can hear of either.

    Lightning ignores SIGINT once it has met one; afterwards all is as it was.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell takes it from what is in its background
        numbers.append(signal.SIGINT)
    previous = {number: signal.signal(number, _raise_interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def is_first_rank() -> bool:
    """Whether this is the process that writes and prints, the only one of a run on a single device."""
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0


def _raise_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(f"stopped by {signal.Signals(number).name}")
