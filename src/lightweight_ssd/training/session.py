"""The surroundings of a run: its folder and lock, its batch size, its status and how it ends."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lightweight_ssd.runs.files import LAST_CHECKPOINT
from lightweight_ssd.runs.folder import choose_run_dir, slug
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.runs.status import FINISHED, write_status
from lightweight_ssd.system.file_lock import holder, try_to_lock_run
from lightweight_ssd.system.signals import INTERRUPTED_EXIT_CODE

__all__ = ["AUTO", "RANK_VARIABLES", "is_first_rank", "placed", "settle_batch_size", "status_of"]

# Lightning starts the other ranks of a machine as new processes; they inherit where the first one writes.
RANK_VARIABLES = _RUN_DIR, _RESUME_FROM, _BATCH_SIZE = "LSSD_RUN_DIR", "LSSD_RESUME_FROM", "LSSD_BATCH_SIZE"

AUTO = "auto"  # of batch_size: what fits into the GPU's memory


def settle_batch_size(cfg: DictConfig) -> None:
    """Puts a number in the place of `batch_size=auto`, the same one on every rank."""
    if cfg.batch_size != AUTO:
        return
    if _BATCH_SIZE not in os.environ:
        from lightweight_ssd.training.batch_size import choose_batch_size

        os.environ[_BATCH_SIZE] = str(choose_batch_size(cfg))
        print(f"batch_size={os.environ[_BATCH_SIZE]}", flush=True)
    cfg.batch_size = int(os.environ[_BATCH_SIZE])


@contextmanager
def placed(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> Iterator[Path | None]:
    """Sets `run_dir`, holds the run's lock, and yields the checkpoint to go on from, if any."""
    if _RUN_DIR in os.environ:  # one of the other ranks
        cfg.run_dir = os.environ[_RUN_DIR]
        yield Path(os.environ[_RESUME_FROM]) if os.environ.get(_RESUME_FROM) else None
        return
    content, lock = content_of(cfg), None
    if cfg.run_dir is None:
        runs = Path(cfg.runs).absolute()
        lock = try_to_lock_run(runs, content)
        if lock is None and cfg.resume == "auto":
            raise ValueError(f"This run is being trained by {holder(runs, content)}; wait for it or stop it.")
        name = f"{slug(cfg.seed, choices, overrides)}-{content}"
        run_dir, resume_from = choose_run_dir(runs, cfg.experiment_name, name, str(cfg.resume))
    else:
        run_dir, resume_from = Path(cfg.run_dir).absolute(), None
        if cfg.resume == "auto" and (run_dir / LAST_CHECKPOINT).is_file():
            resume_from = run_dir / LAST_CHECKPOINT
        elif cfg.resume not in ("auto", "never"):
            resume_from = Path(cfg.resume).absolute()
    cfg.run_dir = os.environ[_RUN_DIR] = str(run_dir)
    os.environ[_RESUME_FROM] = str(resume_from or "")
    with lock or nullcontext():
        yield resume_from


@contextmanager
def status_of(run_dir: Path) -> Iterator[None]:
    """Leaves a true `status.json` however the run ends, and says how to go on."""
    from lightweight_ssd.training.callbacks.interrupt import Interrupted

    def note(**fields: Any) -> None:
        if is_first_rank() and run_dir.is_dir():
            write_status(run_dir, **fields)

    previous = signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield
    except (Interrupted, KeyboardInterrupt, SystemExit) as stop:
        note(state="interrupted", error=str(stop) or type(stop).__name__)
        if not is_first_rank():
            raise SystemExit(0) from None  # an error code would make Lightning kill the first rank while it closes
        print(f"\nInterrupted. To go on: the same command with resume=auto\n(run folder {run_dir})", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except Exception as error:
        expected = isinstance(error, ValueError | FileNotFoundError)
        note(state="failed", error=str(error) if expected else f"{type(error).__name__}: {error}")
        raise
    else:
        note(state=FINISHED, error=None, seconds_left=0)
    finally:
        signal.signal(signal.SIGTERM, previous)


def is_first_rank() -> bool:
    """Whether this process writes the files of the run; true where there is only one process."""
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0


def _raise_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
