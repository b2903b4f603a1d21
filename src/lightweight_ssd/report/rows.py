"""Runs put together into the rows of a table: the seeds of one row, their mean and spread, and what rows differ in."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lightweight_ssd.runs.folder import AXES
from lightweight_ssd.runs.record import RunRecord, flat_config
from lightweight_ssd.runs.results import metric_of

__all__ = ["Row", "Spread", "choose_baselines", "config_differences", "rows_of", "spread"]


# Overrides that say where, on what and how often, not which row.
_NAMELESS = {
    "experiment", "scale", "seed", "row", "trainer", "logger", "runs", "run_dir", "resume", "rerun", "objective",
    "pictures", "compile", "channels_last", "num_workers", "latency", "gray_test", "coco_metric", "trainer.accelerator",
    "trainer.devices", "trainer.num_nodes", "trainer.strategy", "data.root", "data.cache_dir", "data.num_threads",
    "content",
}  # fmt: skip


class Row(NamedTuple):
    """Runs that differ in the seed only.

    Attributes:
        id: Short and unique among the rows.
        label: What a reader sees, unique too.
        experiment: Name of the experiment.
        scale: Its budget, None where none was named.
        runs: By seed, one run per seed.
        paper: The printed results of this row, None without any.
        is_baseline: Whether the row itself says that others are compared with it.
    """

    id: str
    label: str
    experiment: str
    scale: str | None
    runs: tuple[RunRecord, ...]
    paper: dict[str, float] | None
    is_baseline: bool

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
        return next((state for state in ("failed", "interrupted", "aborted", "running") if state in states), states[0])

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
    rows = [_row(group, label) for group, label in zip(members, _labels(members), strict=True)]
    experiments, scales = [row.experiment for row in rows], [row.scale or "no scale" for row in rows]
    typed, ids = [" ".join(each) for each in _tellings(members)], [row.id for row in rows]
    names = _unique([row.label for row in rows], experiments, scales, typed, ids)
    ids = _unique(ids, experiments)
    return [row._replace(label=label, id=name) for row, label, name in zip(rows, names, ids, strict=True)], notes


def spread(row: Row, metric: str) -> Spread | None:
    """Mean and standard deviation over the finished seeds of a row; None where none of them has the metric."""
    values = [value for run in row.finished if (value := metric_of(run.results, metric)) is not None]
    if not values:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


def choose_baselines(rows: Sequence[Row], wanted: str | None) -> dict[str, Row]:
    """The row that each row is compared with; a baseline stands for itself.

    Args:
        rows: All rows.
        wanted: Label or id of the row that all others are compared with, whatever their experiment. None takes one for
            each experiment and scale: the first row that says it is the baseline, else the first.

    Returns:
        By row id. A row that is alone in its experiment and scale, and does not say that it is a baseline, has none.

    Raises:
        ValueError: If no row, or more than one, has that name.
    """
    if wanted is not None:
        return dict.fromkeys((row.id for row in rows), _named(rows, wanted))
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
    kept, notes = [], []
    for same in groups.values():
        newest = max(same, key=lambda run: (run.complete, run.identity["started"], str(run.folder)))
        kept.append(newest)
        others = ", ".join(str(run.folder) for run in same if run is not newest)
        if others:
            which = "the newest finished one" if newest.complete else "the newest"
            notes.append(f"{len(same)} runs compute the same; {which} counts, {newest.folder}, and not {others}.")
    return kept, notes


def _row(runs: list[RunRecord], label: str) -> Row:
    first = runs[0].identity
    paper = next((run.identity["paper"] for run in runs if run.identity["paper"]), None)
    ordered = tuple(sorted(runs, key=lambda run: (run.identity["seed"] is None, run.identity["seed"])))
    is_baseline = any(run.identity["baseline"] for run in runs)
    return Row(first["row"], label, first["experiment"], first["scale"], ordered, paper, is_baseline)


def _labels(groups: list[list[RunRecord]]) -> list[str]:
    """The label that a table gives its row, with what a sweep varied beside it; else what was typed, else its parts."""
    labels = []
    for group, telling in zip(groups, _tellings(groups), strict=True):
        identity = group[0].identity
        choices = [identity["choices"].get(axis) for axis in AXES]
        varied = [each for each in telling if not _names_a_row(each)]
        given = " ".join([identity["label"], *varied]) if identity["label"] else " ".join(telling)
        labels.append(given or "-".join(filter(None, choices)) or identity["row"])
    return labels


def _tellings(groups: list[list[RunRecord]]) -> list[list[str]]:
    """What was typed for each row, without what all rows of its experiment have."""
    typed = [_typed(group[0]) for group in groups]
    tellings = []
    for group, overrides in zip(groups, typed, strict=True):
        peers = [each for other, each in zip(groups, typed, strict=True) if _experiment(other) == _experiment(group)]
        common = set(peers[0]).intersection(*peers) if len(peers) > 1 else set()
        tellings.append([each for each in overrides if each not in common])
    return tellings


def _typed(run: RunRecord) -> list[str]:
    """The overrides that name the row: those that do so anywhere, and those that the run's own sweep varied."""
    varied = {*(run.config.get("content") or ())} - {"row"}
    return [each for each in run.identity["overrides"] if _names_a_row(each) or _key(each) in varied]


def _experiment(group: list[RunRecord]) -> str:
    return group[0].identity["experiment"]


def _names_a_row(override: str) -> bool:
    """Whether an override, as it was typed, says which row this is.

    Example:
        >>> [each for each in ("neck=fpn", "seed=1", "+hydra.x=1", "~callbacks.ema") if _names_a_row(each)]
        ['neck=fpn', '~callbacks.ema']
    """
    key = _key(override)
    return key not in _NAMELESS and key.split(".")[0].split("/")[0] not in ("hydra", "logger", "row")


def _key(override: str) -> str:
    return override.lstrip("+~").split("=", 1)[0]


def _unique(names: Iterable[str], *more: list[str]) -> list[str]:
    """Adds what else is known, in brackets, to names that occur more than once, and a number as the last resort.

    Example:
        >>> _unique(["FPN", "FPN", "SSD"], ["table3", "table4", "table3"])
        ['FPN (table3)', 'FPN (table4)', 'SSD']
    """
    unique = list(names)
    for known in more:
        values: dict[str, set[str]] = {}
        for name, each in zip(unique, known, strict=True):
            values.setdefault(name, set()).add(each)
        unique = [
            f"{name} ({each})" if each and len(values[name]) > 1 else name
            for name, each in zip(unique, known, strict=True)
        ]
    seen: Counter[str] = Counter()
    for place, name in enumerate(unique):
        seen[name] += 1
        unique[place] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return unique
