"""One job of a sweep: a plain `lssd train` in a process tree of its own, found again by what it computes.

Trained inside the sweep's own process, a job would inherit the last one's state, and Lightning's other ranks would
repeat the whole sweep instead of the job. Here the job's process decides whether there is anything to do,
starts the run, waits, hands on signals and returns a number, so every launcher and every strategy work together.
"""

import shutil
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightweight_ssd.config.batch_split import BATCH_VARIABLE, BatchSplit
from lightweight_ssd.config.monitors import check_monitors, check_objective
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.settings import changed
from lightweight_ssd.runs.files import BEST_CHECKPOINT, LAST_CHECKPOINT, TRAIN_LOG
from lightweight_ssd.runs.folder import newest_run_dir, slug
from lightweight_ssd.runs.identity import check_is_the_run, conditions_note, content_of
from lightweight_ssd.runs.ownership import Claim, busy_folder, claim_found, claim_new, holds_training
from lightweight_ssd.runs.result_metrics import metric_of, objective_of
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.status import ABORTED, FINISHED, UNDER_WAY, read_status, write_status
from lightweight_ssd.sweeps.child import run_child
from lightweight_ssd.sweeps.record import JobRecord, read_jobs, read_sweep, write_job
from lightweight_ssd.sweeps.worker import end_with_sweep

__all__ = ["run_in_own_process"]


class _Plan(NamedTuple):
    """From where the run goes on, and how it was left, in words; None for a new one."""

    checkpoint: Path | None = None
    before: str | None = None


def run_in_own_process(cfg: DictConfig, choices: dict[str, str]) -> float | None:
    """Runs the job that Hydra composed, unless it is done already.

    Args:
        cfg: The job's configuration.
        choices: Option per config group.

    Returns:
        The metric that `objective` names, 0 to 1; None where the job failed, as its record says.

    Raises:
        KeyboardInterrupt: If the sweep was asked to stop; the run has left a checkpoint by then.
    """
    end_with_sweep()
    hydra_cfg = HydraConfig.get()
    sweep_dir = Path(hydra_cfg.sweep.dir)
    job = JobRecord(int(hydra_cfg.job.num), list(hydra_cfg.overrides.task), "running")
    started, value = time.monotonic(), None
    try:
        job = _owned_job(job, cfg, choices, sweep_dir)
        search = not hydra_cfg.sweeper["_target_"].endswith(".BasicSweeper")
        value = _objective(job, str(cfg.objective), needed=search)
    except KeyboardInterrupt:
        job = _as_begun(job, sweep_dir)._replace(state="interrupted", reason="the sweep was stopped")
        raise
    except Exception as error:  # whatever it is, the other jobs go on
        job = _as_begun(job, sweep_dir)._replace(state="failed", reason=f"{type(error).__name__}: {error}")
    finally:
        write_job(sweep_dir, job._replace(seconds=time.monotonic() - started))
    return value


def _as_begun(job: JobRecord, sweep_dir: Path) -> JobRecord:
    """The job with the folder and the log that it got before it was cut short, if it came that far."""
    return next((begun for begun in read_jobs(sweep_dir) if begun.number == job.number), job)


def _owned_job(job: JobRecord, cfg: DictConfig, choices: dict[str, str], sweep_dir: Path) -> JobRecord:
    if cfg.run_dir is not None:
        raise ValueError("run_dir names one folder for all jobs of a sweep; leave it out, they find their own.")
    check_monitors(cfg)
    check_objective(cfg)
    cwd = Path(HydraConfig.get().runtime.cwd)
    cfg = changed(cfg, content=read_sweep(sweep_dir)["content"])
    name = f"{slug(cfg.seed, choices, job.overrides)}-{content_of(cfg)}"
    experiment_dir = cwd / cfg.runs / cfg.experiment_name

    def waiting(holder: str) -> None:
        write_job(sweep_dir, job._replace(state="waiting", reason=f"trained by {holder}; waiting for it"))

    taken = claim_new(experiment_dir, name) if cfg.rerun == "all" else _claimed(experiment_dir, name, waiting)
    if isinstance(taken, Path):
        check_is_the_run(cfg, taken)
        about = {"run_dir": str(taken), "log": str(taken / TRAIN_LOG), "reason": conditions_note(cfg, taken) or None}
        return job._replace(state="skipped", map_50=_map_50(taken), **about)
    try:
        return _run(job, taken, cfg, cwd, sweep_dir)
    except BaseException:
        taken.discard_start()
        raise
    finally:
        taken.release()


def _claimed(experiment_dir: Path, name: str, waiting: Callable[[str], None], every: float = 1.0) -> Claim | Path:
    """The folder of this content for this job alone, or that of a finished run; waits while another process has it.

    Args:
        experiment_dir: Where the folders of the experiment lie.
        name: Slug and hash of the content.
        waiting: Called once, with the holder in words, before the wait begins.
        every: Seconds between two attempts.
    """
    content, reported = name.rpartition("-")[2], False
    while True:
        found = newest_run_dir(experiment_dir, content)
        if found and _is_done(found):
            return found
        taken = claim_found(experiment_dir, name, newest_run_dir)
        if taken and not _is_done(taken.run_dir):
            return taken
        if taken:  # it came to its end in between
            taken.release()
            continue
        if not reported and (busy := busy_folder(experiment_dir, name)):
            waiting(busy[1])
            reported = True
        time.sleep(every)


def _is_done(run_dir: Path) -> bool:
    return read_status(run_dir).get("state") == FINISHED and _map_50(run_dir) is not None


def _run(job: JobRecord, taken: Claim, cfg: DictConfig, cwd: Path, sweep_dir: Path) -> JobRecord:
    """Trains in a process of its own, in a folder that this process has taken for it."""
    plan, log = _plan(taken), taken.run_dir / TRAIN_LOG
    job = job._replace(run_dir=str(taken.run_dir), log=str(log), reason=plan.before)
    write_job(sweep_dir, job)
    try:
        batch = BatchSplit(cfg.batch_size, cfg.trainer.accumulate_grad_batches)
        command = _command(job.overrides, plan, taken.run_dir, list(cfg.content))
        code = run_child(command, log, cwd, taken.lock, {BATCH_VARIABLE: str(batch)})
    except BaseException:
        write_job(sweep_dir, _without_failed_start(job, taken, sweep_dir))
        raise
    return _without_failed_start(_outcome(job, code, content_of(cfg), plan.before), taken, sweep_dir)


def _without_failed_start(job: JobRecord, taken: Claim, sweep_dir: Path) -> JobRecord:
    """Removes the folder of a run that never trained; what it printed stays with the sweep."""
    if not taken.made or holds_training(taken.run_dir):
        return job
    kept = sweep_dir / "logs" / f"{job.number}.log"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):  # the run could not even be started
        shutil.move(taken.run_dir / TRAIN_LOG, kept)
    taken.discard_start()
    return job._replace(run_dir=None, log=str(kept))


def _plan(taken: Claim) -> _Plan:
    """Goes on with what was cut off, repeats what failed: from its last whole checkpoint."""
    if taken.made:
        return _Plan()
    state = read_status(taken.run_dir).get("state", "cut off")
    written = (taken.run_dir / LAST_CHECKPOINT, taken.run_dir / BEST_CHECKPOINT)
    checkpoint = next((path for path in written if zipfile.is_zipfile(path)), None)
    before = "cut off" if state in UNDER_WAY else state
    return _Plan(checkpoint, f"was {before}, {'resumed' if checkpoint else 'started again'}")


def _command(overrides: list[str], plan: _Plan, run_dir: Path, content: list[str]) -> list[str]:
    """The plain run, as a user would type it, with its folder."""
    flags = [f"--config-dir={each.path}" for each in HydraConfig.get().runtime.config_sources if _is_users(each)]
    search = [each for each in HydraConfig.get().overrides.hydra if each.startswith("hydra.searchpath=")]
    resume = quoted(plan.checkpoint) if plan.checkpoint else "never"
    place = [f"run_dir={quoted(run_dir)}", f"resume={resume}", f"content=[{','.join(content)}]"]
    return [sys.executable, "-m", "lightweight_ssd", "train", *flags, *search, *overrides, *place]


def _is_users(source: Any) -> bool:
    return source.provider == "command-line" and source.schema == "file"


def _outcome(job: JobRecord, code: int, content: str, before: str | None) -> JobRecord:
    """Whether the run did what the sweep asked for; an exit code of 0 alone is not taken for that."""
    run_dir = Path(job.run_dir or "")
    status, results = read_status(run_dir), read_results(run_dir)
    if code == 0 and status.get("state") == FINISHED and results.content == content:
        return job._replace(state="done", map_50=_map_50(run_dir), reason=before)
    if code == 0:
        computed = results.content or "nothing"
        return job._replace(state="failed", reason=f"it ended well but computed {computed} in place of {content}")
    reason = _reason(code, status, Path(job.log or ""))
    if status.get("state") in (*UNDER_WAY, ABORTED):  # it could not say so itself
        write_status(run_dir, state="failed", error=reason)
    return job._replace(state="interrupted" if status.get("state") == "interrupted" else "failed", reason=reason)


def _reason(code: int, status: dict[str, Any], log: Path) -> str:
    if code < 0:
        hint = ", which is often a lack of memory" if code == -signal.SIGKILL else ""
        return f"killed by {signal.Signals(-code).name}{hint}"
    if status.get("state") in ("failed", "interrupted") and status.get("error"):
        return str(status["error"]).splitlines()[0]
    said = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    said = [line for line in said if not line.startswith("(the traceback")]
    return said[-1] if said else f"exit code {code}"


def _map_50(run_dir: Path) -> float | None:
    return metric_of(read_results(run_dir), "map_50")


def _objective(job: JobRecord, name: str, needed: bool) -> float | None:
    """`val/map_50` and the like from the results; None where the job has none.

    Args:
        job: As it ended.
        name: Of the objective.
        needed: Whether a search goes on from it.

    Raises:
        ValueError: It is needed, but the run has none.
    """
    if job.state not in ("done", "skipped"):
        return None
    results = read_results(Path(job.run_dir or ""))
    value = objective_of(results, name)
    if value is None and needed and _was_measured(results, name):
        raise ValueError(
            f"Expected a number for objective={name}, but it is not defined on this data: the images hold no object "
            "that it counts; give another one, such as objective=test/map_50."
        )
    if value is None and needed:
        raise ValueError(
            f"Expected a validation for objective={name}, but the run ended before its first one: give it more steps "
            "or epochs, or objective=test/map_50."
        )
    return value


def _was_measured(results: RunResults, name: str) -> bool:
    """Whether the objective's split was measured, so that only the metric itself can be missing."""
    training = results.training
    return results.test is not None if name.startswith("test/") else bool(training and training.best_validation)
