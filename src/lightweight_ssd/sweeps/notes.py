"""What sweeps say of jobs that left no run: those that never began, and those that failed before they had a folder."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from lightweight_ssd.runs.files import SWEEP_FILE, SWEEPS
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.sweeps.record import FAILED_STATES, JobRecord, names, read_jobs, read_sweep

__all__ = ["FailedJob", "SweepNotes", "sweep_notes"]


class FailedJob(NamedTuple):
    """A job without a run.

    Attributes:
        experiment: Name of its experiment.
        name: What distinguishes it from the other jobs of its sweep.
        state: failed or interrupted.
        reason: One line, None where it is not known.
        log: File with all that it said, None where there is none.
    """

    experiment: str
    name: str
    state: str
    reason: str | None
    log: str | None


class SweepNotes(NamedTuple):
    """What a report says of sweeps.

    Attributes:
        failed: Jobs that failed and left no run.
        notes: A sentence for each sweep of which jobs have not begun.
    """

    failed: tuple[FailedJob, ...] = ()
    notes: tuple[str, ...] = ()


def sweep_notes(roots: Iterable[str | Path], runs: Sequence[RunRecord]) -> SweepNotes:
    """Looks into the newest sweep of each experiment that runs were found of.

    Args:
        roots: Folders of runs. Sweeps lie in `sweeps` in or below one of them, or beside it.
        runs: What was found there.
    """
    experiments, known = {run.identity["experiment"] for run in runs}, {run.folder.name for run in runs}
    newest: dict[tuple[Path, str], tuple[Path, list[list[str]], list[JobRecord]]] = {}
    for folder in sorted(_sweep_folders(roots)):
        try:
            planned = msgspec.convert(read_sweep(folder)["planned"], list[list[str]])
            jobs = msgspec.convert([list(job) for job in read_jobs(folder)], list[JobRecord])
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):  # half copied, or of another version
            continue
        experiment = _experiment([*planned, *(job.overrides for job in jobs)])
        if experiment in experiments:
            newest[folder.parent, experiment] = (folder, planned, jobs)
    failed, notes = [], []
    for (_, experiment), (folder, planned, jobs) in newest.items():
        failed += _without_run(experiment, planned, jobs, known)
        if len(planned) > len(jobs):
            missing = f"{len(planned) - len(jobs)} of {len(planned)} jobs"
            notes.append(f"{missing} of the newest sweep of {experiment} ({folder.name}) have not begun.")
    return SweepNotes(tuple(failed), tuple(notes))


def _sweep_folders(roots: Iterable[str | Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for root in (Path(each).resolve() for each in roots):
        below = [Path(folder) for folder, _, files in os.walk(root) if SWEEP_FILE in files]
        beside = [path.parent for path in (root.parent / SWEEPS).glob(f"*/{SWEEP_FILE}")]
        yield from (folder for folder in (*below, *beside) if folder not in seen)
        seen |= {*below, *beside}


def _experiment(jobs: list[list[str]]) -> str:
    """The name that the jobs' runs have; a sweep is of one experiment."""
    given = [each.split("=", 1) for each in (jobs[0] if jobs else []) if "=" in each]
    typed = {key.lstrip("+"): value for key, value in given}
    return typed.get("experiment_name") or typed.get("experiment") or "adhoc"


def _without_run(
    experiment: str, planned: list[list[str]], jobs: list[JobRecord], known: set[str]
) -> Iterator[FailedJob]:
    for job, name in zip(jobs, names(jobs, planned), strict=True):
        if job.state in FAILED_STATES and (job.run_dir is None or Path(job.run_dir).name not in known):
            yield FailedJob(experiment, name or " ".join(job.overrides), job.state, job.reason, job.log)
