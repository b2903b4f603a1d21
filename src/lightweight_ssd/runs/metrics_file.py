"""The curves of a run: the columns of `metrics.csv`, with the hours of training from `times.csv`."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from lightweight_ssd.runs.files import METRICS_FILE, TIMES_FILE

__all__ = ["Columns", "read_curves"]

Columns = dict[str, Float64[np.ndarray, " K"]]
_LARGEST = 1e15  # what is larger is no metric, and a plot cannot scale it


def read_curves(folder: Path) -> tuple[Columns, list[str]]:
    """The columns of a run's metrics; NaN where a cell is empty or holds no number.

    Args:
        folder: The run's folder.

    Returns:
        Columns, always with `step`, `epoch` and `hours`, all of one length, 0 for a run that logged nothing; and a
        sentence for each file that could not be read.
    """
    problems: list[str] = []
    columns, times = _columns(folder / METRICS_FILE, problems), _columns(folder / TIMES_FILE, problems)
    whole = np.isfinite(columns.get("step", np.zeros(0)))
    columns = {name: column[whole] for name, column in columns.items()}
    steps = columns.setdefault("step", np.zeros(0))
    hours = dict(zip(times.get("step", ()), times.get("hours", ()), strict=False))
    columns["hours"] = np.array([hours.get(step, np.nan) for step in steps], np.float64)
    columns.setdefault("epoch", np.full(len(steps), np.nan))
    return columns, problems


def _columns(path: Path, problems: list[str]) -> Columns:
    """The columns of a CSV file of numbers; a row that was cut off ends with NaN."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        problems.append(f"{path} cannot be read ({type(error).__name__}) and was left out.")
        return {}
    names = [name for name in (rows[0] if rows else {}) if name]
    if rows and "step" not in names:
        problems.append(f"{path} has no column of steps and was left out.")
        return {}
    return {name: np.array([_number(row.get(name)) for row in rows], np.float64) for name in names}


def _number(text: str | None) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return float("nan")
    return value if abs(value) <= _LARGEST else float("nan")
