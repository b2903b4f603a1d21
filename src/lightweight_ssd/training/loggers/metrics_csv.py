"""The run's own record: one `metrics.csv` that survives a resume and can be read by anything."""

import csv
import io
import logging
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from lightweight_ssd.runs.files import METRICS_FILE, TIMES_FILE
from lightweight_ssd.system.atomic_write import NotWritten, write_atomic

__all__ = ["MetricsCSV"]

log = logging.getLogger(__name__)


class MetricsCSV(Logger):
    """Writes every logged metric to `<save_dir>/metrics.csv`, one row per step, one column per name.

    Lightning's own CSV logger deletes the file when a run is resumed. This one keeps the rows up to the step from which
    the run resumes and drops the later ones, which will be computed again: the file ends like that of an uninterrupted
    run. Beside it, `times.csv` says after how many hours of training each step was logged, over all parts of the run: a
    file of its own, since it is the one record that no two runs share.

    Args:
        save_dir: Folder of the run.
        flush_every: Rows held back before the file is rewritten.
    """

    def __init__(self, save_dir: str, flush_every: int = 20) -> None:
        super().__init__()
        self.path = Path(save_dir) / METRICS_FILE
        self.times_path = Path(save_dir) / TIMES_FILE
        self.flush_every = flush_every
        self.rows: dict[int, dict[str, float]] = {}
        self.hours: dict[int, float] = {}
        self.started: float | None = None
        self.pending = 0

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The configuration has a file of its own."""

    @rank_zero_only
    def resume(self, step: int) -> None:
        """Takes the rows of an earlier part of the run that come before optimiser step `step`.

        A damaged file loses rows, which is logged: the weights are in the checkpoint, so the run can go on.
        """
        (rows, whole), (times, _) = _read(self.path), _read(self.times_path)
        self.rows = {at: row for at, row in rows.items() if at < step}
        self.hours = {at: row["hours"] for at, row in times.items() if at < step and "hours" in row}
        if not whole or self.hours.keys() - self.rows.keys():
            log.warning("%s is damaged and has lost rows before step %d; the run itself goes on.", self.path, step)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = self.rows.setdefault(int(step or 0), {})
        row.update({name: float(value) for name, value in metrics.items()})
        if self.started is None:
            self.started = time.monotonic() - 3600 * max(self.hours.values(), default=0.0)
        self.hours.setdefault(int(step or 0), (time.monotonic() - self.started) / 3600)
        self.pending += 1
        if self.pending % self.flush_every == 0:
            self._flush_or_tell()

    def latest(self, prefix: str) -> dict[str, float]:
        """The last value of each name that begins like this."""
        rows = [row for _, row in sorted(self.rows.items())]
        return {name: value for row in rows for name, value in row.items() if name.startswith(prefix)}

    @rank_zero_only
    def save(self) -> None:
        """Lightning asks after every row; the rows are held back, or the cost would grow with their square."""

    @rank_zero_only
    def flush(self) -> None:
        """Brings all rows to disk; the whole files are swapped in, so that a reader never sees half of one.

        Raises:
            NotWritten: The disk is full or cannot be written; the files hold what they held before.
        """
        if not self.rows:
            return
        _write(self.path, self.rows)
        _write(self.times_path, {at: {"hours": round(self.hours[at], 6)} for at in self.rows if at in self.hours})
        self.pending = 0

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Writes what was held back; after an error without another one that would hide it."""
        if status == "success":
            self.flush()
        else:
            self._flush_or_tell()

    def _flush_or_tell(self) -> None:
        """The rows stay in memory and are tried again later, at the latest before a checkpoint."""
        try:
            self.flush()
        except NotWritten as error:
            log.warning("%s", error)


def _read(path: Path) -> tuple[dict[int, dict[str, float]], bool]:
    """Rows by step up to the first that is damaged, and whether none is; no file yet is a whole one without rows."""
    if not path.exists():
        return {}, True
    rows: dict[int, dict[str, float]] = {}
    try:
        lines = path.read_text().splitlines(keepends=True)
        for row in csv.DictReader(line for line in lines if line.endswith("\n")):
            values = {name: float(value) for name, value in row.items() if value}
            rows[int(values.pop("step"))] = values
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        return rows, False
    return rows, bool(rows) and lines[-1].endswith("\n")


def _write(path: Path, rows: dict[int, dict[str, float]]) -> None:
    names = sorted({name for row in rows.values() for name in row})
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", *names], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"step": step, **row} for step, row in sorted(rows.items()))
    write_atomic(path, text.getvalue().encode(), durable=True)
