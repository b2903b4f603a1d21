"""Runs that are in no table, and files that could not be used: named in one list, so that they do not bury the rest."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.report.rows import Row, rows_of
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.runs.status import FINISHED, UNDER_WAY
from lightweight_ssd.sweeps.notes import FailedJob

__all__ = [
    "FILE",
    "LeftOut",
    "Shown",
    "divide",
    "files_left_out",
    "folders_left_out",
    "jobs_left_out",
    "left_out_line",
    "run_name",
]

FILE = "file"
_DAMAGED = "damaged"


class LeftOut(NamedTuple):
    """A run that is in no table, or a file of a run that could not be used.

    Attributes:
        name: Of the run, with its experiment; of a folder that is no known run its path.
        kind: failed, interrupted, aborted, damaged (finished, but its files cannot be read), or file, which may be a
            folder.
        reason: Why, as far as it is known.
        place: Folder of the run, None where it has none.
        log: File that says most, None where there is none.
    """

    name: str
    kind: str
    reason: str | None
    place: str | None
    log: str | None


class Shown(NamedTuple):
    """Runs divided by what a report does with them.

    Attributes:
        rows: Rows with a finished run: the tables.
        started: Rows without one, but with one under way.
        others: Rows of which no run has finished or is under way.
        left_out: Their runs, and those of the other rows that ended without metrics.
        notes: What a reader must know of runs that were left out.
    """

    rows: tuple[Row, ...]
    started: tuple[Row, ...]
    others: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def divide(runs: Sequence[RunRecord]) -> Shown:
    """Divides the runs; the label of a row depends on no run that failed.

    Args:
        runs: As `find_runs` gives them.
    """
    alive = {_row(run) for run in runs if run.complete or run.state in UNDER_WAY}
    rows, notes = rows_of([run for run in runs if _row(run) in alive])
    others, _ = rows_of([run for run in runs if _row(run) not in alive])
    labels = {_row(row.runs[0]): row.label for row in (*rows, *others)}
    ended = [run for run in runs if not run.complete and run.state not in UNDER_WAY]
    left_out = [_left_out(run, labels[_row(run)]) for run in ended]
    finished, started = (tuple(row for row in rows if bool(row.finished) == known) for known in (True, False))
    return Shown(finished, started, tuple(others), tuple(left_out), tuple(notes))


def run_name(label: str, run: RunRecord) -> str:
    """What a note calls a run.

    Returns:
        Such as `CFPN (seed 1)`.
    """
    seed = run.identity["seed"]
    return f"{label} ({'no seed' if seed is None else f'seed {seed}'})"


def files_left_out(label: str, run: RunRecord, problems: Sequence[str]) -> list[LeftOut]:
    """An entry for each problem with the files of a run that is shown all the same."""
    name = f"{run.identity['experiment']}: {run_name(label, run)}"
    return [LeftOut(name, FILE, problem, str(run.folder), None) for problem in problems]


def jobs_left_out(jobs: Sequence[FailedJob]) -> list[LeftOut]:
    """An entry for each job of a sweep that failed before it had a folder."""
    return [LeftOut(f"{job.experiment}: {job.name}", job.state, job.reason, None, job.log) for job in jobs]


def folders_left_out(errors: Sequence[OSError]) -> list[LeftOut]:
    """An entry for each folder that could not be searched for runs.

    Example:
        >>> folders_left_out([PermissionError(13, "Permission denied", "runs/hers")])[0].reason
        'runs/hers cannot be listed (Permission denied), so runs in it are not shown.'
    """
    return [
        LeftOut(
            str(error.filename), FILE,
            f"{error.filename} cannot be listed ({error.strerror}), so runs in it are not shown.", str(error.filename),
            None,
        )
        for error in errors
    ]  # fmt: skip


def left_out_line(left_out: Sequence[LeftOut], under_way: int = 0) -> str:
    """How many there are of each kind, empty where there are none.

    Example:
        >>> left_out_line([LeftOut("a", "failed", None, None, None), LeftOut("b", "file", None, None, None)], 2)
        'Not in the table: 2 runs in progress, 1 failed; 1 file or folder could not be used.'
    """
    counts = Counter(each.kind for each in left_out)
    files = counts.pop(FILE, 0)
    runs = [f"{under_way} run{'s' if under_way > 1 else ''} in progress"] if under_way else []
    runs += [f"{count} {kind}" for kind, count in counts.most_common()]
    said = [f"Not in the table: {', '.join(runs)}"] if runs else []
    said += [f"{files} {'files or folders' if files > 1 else 'file or folder'} could not be used"] if files else []
    return "; ".join(said) + "." if said else ""


def _row(run: RunRecord) -> tuple[str, str]:
    return run.identity["experiment"], run.identity["row"]


def _left_out(run: RunRecord, label: str) -> LeftOut:
    kind = _DAMAGED if run.problems and run.status.get("state") in (None, FINISHED) else run.state
    name = f"{run.identity['experiment']}: {run_name(label, run)}"
    return LeftOut(name, kind, run.error, str(run.folder), str(run.log) if Path(run.log).is_file() else None)
