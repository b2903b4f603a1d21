"""Where a run writes and what it resumes: its folder, of which it is the only owner while it runs."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from lightweight_ssd.config.settings import resolved
from lightweight_ssd.runs.files import LAST_CHECKPOINT, LOCK_FILE
from lightweight_ssd.runs.folder import resumable_run_dir, run_dir_of, slug
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.runs.ownership import (
    Claim,
    adopted_claim,
    busy_folder,
    claim,
    claim_found,
    claim_new,
    holds_training,
)
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.status import FINISHED, read_status
from lightweight_ssd.system.file_lock import PASSED_LOCK, holder_of
from lightweight_ssd.system.parallel import without_ctrl_c

__all__ = ["RunPlace", "finished_place", "owned"]


class RunPlace(NamedTuple):
    """Where a run writes, and the checkpoint that it resumes from, if any."""

    run_dir: Path
    resume_from: Path | None


class _Names(NamedTuple):
    """Where the folders of a run lie and what the next one is called."""

    experiment_dir: Path
    name: str

    @property
    def content(self) -> str:
        """Hash of what the run computes."""
        return self.name.rpartition("-")[2]

    @property
    def finished(self) -> Path | None:
        """The newest folder, if it holds a finished run: nothing is going to be written."""
        found = resumable_run_dir(self.experiment_dir, self.content)
        return found if found and read_status(found).get("state") == FINISHED else None


@contextmanager
def owned(cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> Iterator[RunPlace]:
    """Chooses the folder of a run and takes it before anything is written; gives it back at the end.

    A start that ends before the first step removes the folder that was made for it.

    Args:
        cfg: Of `lssd train`, settled, with a number as `batch_size`.
        choices: Option per config group.
        overrides: As typed; those of parts become part of the folder's name.

    Raises:
        ValueError: Another process has the folder, it cannot be written, or `resume` names another run's checkpoint.
        FileNotFoundError: `resume` names a file that does not exist.
    """
    names = _names(cfg, choices, overrides)
    if finished := finished_place(cfg, choices, overrides):
        yield finished
        return
    taken = None
    try:
        with without_ctrl_c():
            taken, resume_from = _taken(cfg, names)
        yield RunPlace(taken.run_dir, resume_from)
    except BaseException:
        if taken:
            taken.discard_start()
        raise
    finally:
        if taken:
            taken.release()


def finished_place(cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> RunPlace | None:
    """The place of a finished run that `resume=auto` finds, where nobody has anything to do."""
    finished = _finished(cfg, _names(cfg, choices, overrides)) if cfg.resume == "auto" else None
    return RunPlace(finished, None) if finished else None


def _names(cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> _Names:
    name = f"{slug(cfg.seed, choices, overrides)}-{content_of(cfg)}"
    return _Names(Path(cfg.runs).absolute() / cfg.experiment_name, name)


def _finished(cfg: DictConfig, names: _Names) -> Path | None:
    if cfg.run_dir is None:
        return names.finished
    run_dir = Path(cfg.run_dir).absolute()
    if read_status(run_dir).get("state") != FINISHED:
        return None
    held = read_results(run_dir).content
    if held != names.content:
        raise ValueError(
            f"Expected the run that is asked for in run_dir={run_dir} but a finished run of other settings is there: "
            "give another run_dir, or the settings of that run."
        )
    return run_dir


def _taken(cfg: DictConfig, names: _Names) -> tuple[Claim, Path | None]:
    if cfg.resume not in ("auto", "never"):
        return _taken_with(_checkpoint(cfg), cfg, names)
    if cfg.run_dir is not None:
        taken = _take(Path(cfg.run_dir).absolute(), begins=cfg.resume == "never")
    elif cfg.resume == "never":
        taken = _new(names)
    else:
        taken = claim_found(*names, resumable_run_dir)
        if taken is None:
            folder, who = busy_folder(*names) or (names.experiment_dir, "another process")
            raise ValueError(f"This run is being trained by {who} in {folder}; wait for it or stop it.")
    last = taken.run_dir / LAST_CHECKPOINT
    return taken, _checked(last, cfg, taken) if cfg.resume == "auto" and last.is_file() else None


def _checkpoint(cfg: DictConfig) -> Path:
    checkpoint = Path(str(cfg.resume)).absolute()
    if not checkpoint.is_file():
        raise FileNotFoundError(f"resume={cfg.resume} is not a checkpoint file; give never, auto or the path of one.")
    return checkpoint


def _taken_with(checkpoint: Path, cfg: DictConfig, names: _Names) -> tuple[Claim, Path]:
    """The folder that a checkpoint lies in; one of its own for a file that was copied elsewhere."""
    _checked(checkpoint, cfg, None)
    given = None if cfg.run_dir is None else Path(cfg.run_dir).absolute()
    run_dir = given or run_dir_of(checkpoint)
    return _new(names) if run_dir is None else _take(run_dir), checkpoint


def _checked(checkpoint: Path, cfg: DictConfig, taken: Claim | None) -> Path:
    """The checkpoint, if it is one of this run."""
    from lightweight_ssd.training.resume import check_same_run

    try:
        check_same_run(resolved(cfg), checkpoint)
    except BaseException:
        if taken:
            taken.release()
        raise
    return checkpoint


def _take(run_dir: Path, begins: bool = False) -> Claim:
    """A folder that was given; a run that begins there must not overwrite another one."""
    passed = os.environ.pop(PASSED_LOCK, None)  # by the sweep, which has taken the folder for this run
    taken = adopted_claim(run_dir, int(passed)) if passed else claim(run_dir)
    if taken is None:
        who = holder_of(run_dir / LOCK_FILE) or "another process"
        raise ValueError(f"The run folder {run_dir} is in use by {who}; wait for it, stop it, or give another folder.")
    if begins and not passed and holds_training(run_dir):
        state = read_status(run_dir).get("state", "unfinished")
        taken.release()
        raise ValueError(
            f"Expected a folder without a run for run_dir={run_dir} but the run there is {state}: give resume=auto to "
            "go on with it, or another folder."
        )
    return taken


def _new(names: _Names) -> Claim:
    taken = claim_new(*names)
    busy = busy_folder(*names, other_than=taken.run_dir)
    if busy:
        print(
            f"The same run is being trained by {busy[1]} in {busy[0]}; this one gets a folder of its own.", flush=True
        )
    return taken
