"""One job of a sweep: a plain `lssd train` in a process tree of its own, found again by what it computes.

Trained inside the sweep's own process, a job would inherit the last one's state, and Lightning's other ranks would
repeat the whole sweep instead of the job. Here the job's process decides whether there is anything to do,
starts the run, waits, hands on signals and returns a number, so every launcher and every strategy work together.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightweight_ssd.config.monitors import check_monitors, check_objective
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.settings import changed
from lightweight_ssd.runs.files import BEST_CHECKPOINT, LAST_CHECKPOINT, TRAIN_LOG
from lightweight_ssd.runs.folder import newest_run_dir, next_run_dir, slug
from lightweight_ssd.runs.identity import check_is_the_run, content_of
from lightweight_ssd.runs.results import RunResults, metric_of, objective_of
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.status import FINISHED, read_status, write_status
from lightweight_ssd.sweeps.launcher import HANDED_ON
from lightweight_ssd.sweeps.record import JobRecord, read_jobs, read_sweep, write_job
from lightweight_ssd.system.file_lock import lock_run
from lightweight_ssd.system.signals import PARENT_PIPE

__all__ = ["child_environment", "run_in_own_process"]

_STARTING = "starting"
_UNDER_WAY = (_STARTING, "running")


class _Plan(NamedTuple):
    """Where the run lies, whether it is done, and from where it goes on."""

    run_dir: Path
    finished: bool
    checkpoint: Path | None
    before: str | None  # how it was left, in words


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
    hydra_cfg = HydraConfig.get()
    sweep_dir = Path(hydra_cfg.sweep.dir)
    job = JobRecord(int(hydra_cfg.job.num), list(hydra_cfg.overrides.task), "running")
    started, value = time.monotonic(), None
    try:
        job = _locked_job(job, cfg, choices, sweep_dir)
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


def _locked_job(job: JobRecord, cfg: DictConfig, choices: dict[str, str], sweep_dir: Path) -> JobRecord:
    if cfg.run_dir is not None:
        raise ValueError("run_dir names one folder for all jobs of a sweep; leave it out, they find their own.")
    check_monitors(cfg)
    check_objective(cfg)
    cwd = Path(HydraConfig.get().runtime.cwd)
    cfg = changed(cfg, content=read_sweep(sweep_dir)["content"])
    content, runs = content_of(cfg), cwd / cfg.runs
    experiment_dir = runs / cfg.experiment_name

    def waiting(holder: str) -> None:
        write_job(sweep_dir, job._replace(state="waiting", reason=f"trained by {holder}; waiting for it"))

    with lock_run(runs, content, waiting) as lock:
        plan = _plan(experiment_dir, f"{slug(cfg.seed, choices, job.overrides)}-{content}", content, cfg.rerun == "all")
        log = plan.run_dir / TRAIN_LOG
        job = job._replace(run_dir=str(plan.run_dir), log=str(log), reason=plan.before)
        if plan.finished:
            check_is_the_run(cfg, plan.run_dir)
            return job._replace(state="skipped", map_50=_map_50(plan.run_dir))
        write_job(sweep_dir, job)
        plan.run_dir.mkdir(parents=True, exist_ok=True)
        write_status(plan.run_dir, state=_STARTING, error=None)  # how it ended before is no news of this attempt
        code = _run(_command(job.overrides, plan, list(cfg.content)), plan.run_dir, cwd, lock)
        return _outcome(job, code, content, plan.before)


def _plan(experiment_dir: Path, name: str, content: str, rerun: bool) -> _Plan:
    """Skips what is finished, goes on with what was cut off, repeats what failed: from its last whole checkpoint."""
    found = newest_run_dir(experiment_dir, content)
    if found is None or rerun:
        return _Plan(next_run_dir(experiment_dir, name), False, None, None)
    state = read_status(found).get("state", "cut off")
    if state == FINISHED and _map_50(found) is not None:
        return _Plan(found, True, None, None)
    written = (found / LAST_CHECKPOINT, found / BEST_CHECKPOINT)
    checkpoint = next((path for path in written if zipfile.is_zipfile(path)), None)
    before, how = ("cut off" if state in _UNDER_WAY else state), ("resumed" if checkpoint else "started again")
    return _Plan(found, False, checkpoint, f"was {before}, {how}")


def _command(overrides: list[str], plan: _Plan, content: list[str]) -> list[str]:
    """The plain run, as a user would type it, with its folder."""
    flags = [f"--config-dir={each.path}" for each in HydraConfig.get().runtime.config_sources if _is_users(each)]
    search = [each for each in HydraConfig.get().overrides.hydra if each.startswith("hydra.searchpath=")]
    resume = quoted(plan.checkpoint) if plan.checkpoint else "never"
    place = [f"run_dir={quoted(plan.run_dir)}", f"resume={resume}", f"content=[{','.join(content)}]"]
    return [sys.executable, "-m", "lightweight_ssd", "train", *flags, *search, *overrides, *place]


def _is_users(source: Any) -> bool:
    return source.provider == "command-line" and source.schema == "file"


def _run(command: list[str], run_dir: Path, cwd: Path, lock: IO[str]) -> int:
    """Starts the run in a session of its own and waits for it; returns its exit code, negative for a signal."""
    read_end, write_end = os.pipe()  # the run reads; our end closes when this process dies
    try:
        with (run_dir / TRAIN_LOG).open("ab") as log:
            log.write(f"\n[{datetime.now():%Y-%m-%d %H:%M:%S}] {shlex.join(command[1:])}\n".encode())
            log.flush()
            process = subprocess.Popen(
                command, cwd=cwd, env=child_environment(dict(os.environ), read_end), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, pass_fds=(read_end, lock.fileno()),
            )  # fmt: skip
        with _handing_on_signals(process) as stopped:
            code = process.wait()
    finally:
        os.close(read_end)
        os.close(write_end)
    _end_group(process.pid)
    if signal.SIGUSR2 in stopped:  # the launcher's own handler has its turn now: it asks for the job to be queued again
        signal.raise_signal(signal.SIGUSR2)
    if stopped:
        raise KeyboardInterrupt
    return code


def child_environment(environment: dict[str, str], pipe: int) -> dict[str, str]:
    """The environment of a run, without what an outer run or the scheduler of a cluster has set for itself.

    Args:
        environment: Of this process.
        pipe: Descriptor that closes when this process ends.

    Returns:
        A copy. Under SLURM a job of a sweep is one task that may start several ranks itself, but Lightning takes the
        task counts that it finds for its own ranks; so they are left out.
    """
    kept = {name: value for name, value in environment.items() if name not in ("LSSD_RUN_DIR", "LSSD_RESUME_FROM")}
    if kept.pop(HANDED_ON, None):
        kept.pop("HYDRA_FULL_ERROR", None)  # set by the sweep for itself
    if kept.get("SLURM_NTASKS") == "1":
        for name in ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"):
            kept.pop(name, None)
    return {**kept, PARENT_PIPE: str(pipe), "PYTHONUNBUFFERED": "1"}


@contextmanager
def _handing_on_signals(process: subprocess.Popen) -> Iterator[list[int]]:
    """SIGINT and SIGTERM become the run's SIGTERM, the second one its end; yields those that came.

    So does SIGUSR2, by which a scheduler says that a job's time is nearly up, where the launcher waits for it.
    """
    came: list[int] = []

    def hand_on(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) == 1:
            process.send_signal(signal.SIGTERM)
        else:
            _end_group(process.pid)

    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread only
        yield came
        return
    waited_for = [signal.SIGUSR2] if callable(signal.getsignal(signal.SIGUSR2)) else []
    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM, *waited_for)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(leader: int) -> None:
    """Ends what a run that was killed may have left: other ranks, loader workers."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


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
    if status.get("state") in _UNDER_WAY:  # it could not say so itself
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
