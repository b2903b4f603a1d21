"""The run's own record: one `metrics.csv` that survives a resume and can be read by anything."""

import csv
import io
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

__all__ = ["MetricsCSV"]


class MetricsCSV(Logger):
    """Writes every logged figure to `<save_dir>/metrics.csv`, one row per step, one column per name.

    Lightning's own CSV logger deletes the file when a run is resumed. This one keeps the rows up to the step from which
    the run goes on and drops the later ones, which will be computed again: the file ends like that of an uninterrupted
    run.

    Args:
        save_dir: Folder of the run.
        flush_every: Rows held back before the file is written anew.
    """

    def __init__(self, save_dir: str, flush_every: int = 20) -> None:
        super().__init__()
        self.path = Path(save_dir) / "metrics.csv"
        self.flush_every = flush_every
        self.rows: dict[int, dict[str, float]] = {}
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
        """Takes the rows of an earlier part of the run that come before optimiser step `step`."""
        if self.path.is_file():
            with self.path.open(newline="") as file:
                rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
            self.rows = {int(row.pop("step")): row for row in rows}
            self.rows = {at: row for at, row in self.rows.items() if at < step}

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = self.rows.setdefault(int(step or 0), {})
        row.update({name: float(value) for name, value in metrics.items()})
        self.pending += 1
        if self.pending >= self.flush_every:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Writes the whole file beside itself and swaps it in, so that a reader never sees half a file."""
        if not self.rows:
            return
        names = sorted({name for row in self.rows.values() for name in row})
        text = io.StringIO()
        writer = csv.DictWriter(text, ["step", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": step, **row} for step, row in sorted(self.rows.items()))
        temporary = self.path.with_suffix(".csv.tmp")
        temporary.write_text(text.getvalue())
        temporary.replace(self.path)
        self.pending = 0

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()
