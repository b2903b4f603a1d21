"""Runs put together into the rows of a table: the seeds of one row, their mean and spread, and what rows differ in."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from lightweight_ssd.report.row_labels import row_labels, tellings, unique_names
from lightweight_ssd.runs.record import RunRecord, flat_config
from lightweight_ssd.runs.result_metrics import metric_of

__all__ = ["Row", "Spread", "choose_baselines", "config_differences", "listed", "rows_of", "spread"]


_ATTENTION = ("failed", "aborted", "interrupted", "running", "starting")


class Row(NamedTuple):
    """Runs that differ in the seed only.

    Attributes:
        id: Short and unique among the rows.
        label: What a reader sees, unique too.
        experiment: Name of the experiment.
        scale: Its budget, None where none was named.
        runs: By seed, one run per seed.
        paper: The printed results of this row, None without any.
        note: What these are, where they need it; None else.
        is_baseline: Whether the row itself says that others are compared with it.
    """

    id: str
    label: str
    experiment: str
    scale: str | None
    runs: tuple[RunRecord, ...]
    paper: dict[str, float] | None
    is_baseline: bool
    note: str | None = None

    @property
    def group(self) -> tuple[str, str | None]:
        """Experiment and scale: rows that share both are meant to be compared."""
        return self.experiment, self.scale

    @property
    def finished(self) -> tuple[RunRecord, ...]:
        """The runs that have metrics of the test split."""
        return tuple(run for run in self.runs if run.complete)

    @property
    def state(self) -> str:
        """finished if every run is, else the state that most needs attention."""
        states = [run.state for run in self.runs]
        return next((state for state in _ATTENTION if state in states), states[0])

    @property
    def seeds(self) -> str:
        """How many seeds count, such as `3`, or `2 of 3` while one is not finished."""
        return str(len(self.runs)) if self.finished == self.runs else f"{len(self.finished)} of {len(self.runs)}"


class Spread(NamedTuple):
    """A metric over seeds.

    Attributes:
        mean: Over the runs that have it.
        std: Sample standard deviation (n − 1); None for one run, which has no spread.
        n: Runs that have it.
    """

    mean: float
    std: float | None
    n: int


def rows_of(runs: Sequence[RunRecord]) -> tuple[list[Row], list[str]]:
    """Groups runs into rows.

    Of several runs with the same content the newest finished one counts, else the newest.

    Args:
        runs: As `find_runs` gives them, by time of start.

    Returns:
        The rows, those of one experiment together, by the start of their first run; and what a reader must know of
        runs that were left out.
    """
    kept, notes = _without_duplicates(runs)
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in sorted(kept, key=lambda run: run.identity["started"]):
        groups.setdefault((run.identity["experiment"], run.identity["row"]), []).append(run)
    order = list(dict.fromkeys(experiment for experiment, _ in groups))
    members = sorted(groups.values(), key=lambda group: order.index(group[0].identity["experiment"]))
    rows = [_row(group, label) for group, label in zip(members, row_labels(members), strict=True)]
    experiments, scales = [row.experiment for row in rows], [row.scale or "no scale" for row in rows]
    typed, ids = [" ".join(each) for each in tellings(members)], [row.id for row in rows]
    names = unique_names([row.label for row in rows], experiments, scales, typed, ids)
    ids = unique_names(ids, experiments)
    return [row._replace(label=label, id=name) for row, label, name in zip(rows, names, ids, strict=True)], notes


def spread(row: Row, metric: str) -> Spread | None:
    """Mean and standard deviation over the finished seeds of a row; None where none of them has the metric."""
    values = [value for run in row.finished if (value := metric_of(run.results, metric)) is not None]
    if not values:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def choose_baselines(rows: Sequence[Row], wanted: str | None, unfinished: Sequence[Row] = ()) -> dict[str, Row]:
    """The row that each row is compared with; a baseline stands for itself.

    Args:
        rows: The rows with a finished run.
        wanted: Label or id of the row that all others are compared with, whatever their experiment. None takes one for
            each experiment and scale: the first row that says it is the baseline, else the first.
        unfinished: Rows that may be named, too.

    Returns:
        By row id. A row that is alone in its experiment and scale, and does not say that it is a baseline, has none;
        nor has any row while the one that is named has no finished run.

    Raises:
        ValueError: If no row, or more than one, has that name.
    """
    if wanted is not None:
        named = _named([*rows, *unfinished], wanted)
        return dict.fromkeys((row.id for row in rows), named) if named.finished else {}
    groups: dict[tuple[str, str | None], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return {
        row.id: next((row for row in group if row.is_baseline), group[0])
        for group in groups.values()
        for row in group
        if len(group) > 1 or row.is_baseline
    }


def _named(rows: Sequence[Row], wanted: str) -> Row:
    named = [row for row in rows if str(wanted) in (row.label, row.id)]
    if len(named) != 1:
        known = "; ".join(f"{row.label} ({row.id})" for row in rows)
        raise ValueError(f"Expected the label or id of one row but got baseline={wanted}; the rows are {known}.")
    return named[0]


def config_differences(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """What the configurations of the rows differ in, the seed and everything that is not content left out.

    Returns:
        By dotted key the value by row id; a row that lacks the key is not named there.
    """
    flat = {row.id: flat_config(row.runs[0]) for row in rows if row.runs[0].config}
    keys = dict.fromkeys(key for config in flat.values() for key in config if key != "seed")
    values = {key: {row: config[key] for row, config in flat.items() if key in config} for key in keys}
    return {key: found for key, found in values.items() if _differ(list(found.values()), len(flat))}


def _differ(values: list[Any], rows: int) -> bool:
    return len(values) < rows or any(value != values[0] for value in values)


def _without_duplicates(runs: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        groups.setdefault((run.identity["experiment"], run.identity["content"]), []).append(run)
    kept = [
        max(same, key=lambda run: (run.complete, run.identity["started"], str(run.folder))) for same in groups.values()
    ]
    counted = {run.folder for run in kept}
    others = [str(run.folder) for run in runs if run.complete and run.folder not in counted]
    if not others:
        return kept, []
    repeat = "run computes" if len(others) == 1 else "runs compute"
    return kept, [f"{len(others)} finished {repeat} the same as a newer one, which counts instead: {listed(others)}."]


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names joined by commas; beyond `most` only their number.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _row(runs: list[RunRecord], label: str) -> Row:
    first = runs[0].identity
    paper = next((run.identity["paper"] for run in runs if run.identity["paper"]), None)
    ordered = tuple(sorted(runs, key=lambda run: (run.identity["seed"] is None, run.identity["seed"])))
    is_baseline = any(run.identity["baseline"] for run in runs)
    note = next((run.identity["note"] for run in runs if run.identity["note"]), None)
    return Row(first["row"], label, first["experiment"], first["scale"], ordered, paper, is_baseline, note)
