"""What the jobs of a sweep say of themselves: one small file each, which any process of the sweep can read."""

from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.runs.files import SWEEP_FILE
from lightweight_ssd.system.json_file import read_json, write_json

__all__ = ["FAILED_STATES", "JobRecord", "names", "read_jobs", "read_sweep", "write_job", "write_sweep"]

FAILED_STATES = ("failed", "interrupted")


class JobRecord(NamedTuple):
    """One job.

    Attributes:
        number: Its place in the sweep, from 0.
        overrides: What it runs.
        state: waiting (another process has the run), running, done, skipped (was done before), failed, interrupted.
        run_dir: Folder of its run.
        log: File with all that the run said.
        reason: Why it failed, what it waits for or goes on from; one line.
        map_50: mAP at IoU 0.5 on the test split, 0 to 1.
        seconds: Wall time of the job.
    """

    number: int
    overrides: list[str]
    state: str
    run_dir: str | None = None
    log: str | None = None
    reason: str | None = None
    map_50: float | None = None
    seconds: float | None = None


def write_job(sweep_dir: Path, job: JobRecord) -> None:
    """Writes a job's record, whole at any moment."""
    folder = sweep_dir / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{job.number}.json", job._asdict())


def read_jobs(sweep_dir: Path) -> list[JobRecord]:
    """The records of all jobs that have begun, in the order of the sweep."""
    contents: list[dict[str, Any]] = [read_json(path) for path in (sweep_dir / "jobs").glob("*.json")]
    return sorted((JobRecord(**content) for content in contents if content), key=lambda job: job.number)


def write_sweep(sweep_dir: Path, planned: list[list[str]], content: list[str]) -> None:
    """Writes what is known of a sweep before its first job begins.

    Args:
        sweep_dir: Folder of the sweep.
        planned: Overrides of each job; empty where the sweeper decides as it goes.
        content: Settings that name the jobs' folders because the sweep varies them.
    """
    sweep_dir.mkdir(parents=True, exist_ok=True)
    write_json(sweep_dir / SWEEP_FILE, {"planned": planned, "content": content})


def read_sweep(sweep_dir: Path) -> dict[str, Any]:
    """What `write_sweep` wrote: `planned` and `content`."""
    return {"planned": [], "content": [], **read_json(sweep_dir / SWEEP_FILE)}


def names(jobs: list[JobRecord], planned: list[list[str]]) -> list[str]:
    """What distinguishes each job from the others: its overrides without those that all have.

    Args:
        jobs: Those to be named.
        planned: Overrides of all jobs of the sweep, where they are known.

    Example:
        >>> names([JobRecord(1, ["neck=cfpn", "seed=0"], "done")], [["neck=fpn", "seed=0"], ["neck=cfpn", "seed=0"]])
        ['neck=cfpn']
    """
    every = [*planned, *(job.overrides for job in jobs)]
    common = set(every[0]).intersection(*every) if len(every) > 1 else set()
    if all(set(overrides) == common for overrides in every):
        common = set()
    return [" ".join(each for each in job.overrides if each not in common) for job in jobs]
