"""Rows compared with a baseline: differences with intervals where the test sets are the same, and a reason where not.

A paired bootstrap draws the same test images for both rows. It means something only if both were measured on the same
images with the same objects and classes, and if the detections are those that the metrics came from. Where one of
these does not hold the difference is left out, never computed on what the two happen to share.
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from lightweight_ssd.analysis.paired_bootstrap import Interval, paired_difference, row_interval
from lightweight_ssd.report.caveats import comparison_notes
from lightweight_ssd.report.left_out import LeftOut, divide, files_left_out, run_name
from lightweight_ssd.report.parallel_analysis import analyze_ahead
from lightweight_ssd.report.rows import Row, choose_baselines, spread
from lightweight_ssd.report.run_analysis import RunAnalysis, analyze_run
from lightweight_ssd.runs.files import DETECTIONS_FILE, GRAY_DETECTIONS_FILE, RESULTS_FILE
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.runs.result_metrics import metric_of

__all__ = ["Comparison", "compare", "mean_of"]

# Boxes are written with three decimals: enough to turn a hit now and then, not more.
_TOLERANCE = 1e-4


class Comparison(NamedTuple):
    """All that a report says.

    Attributes:
        rows: Rows with a finished run, in the order of the table.
        started: Rows without one, of which a run is under way.
        others: Rows of which no run finished or is under way.
        left_out: Runs that are in no table, and files that could not be used.
        baselines: By row id the row that it is compared with; a baseline stands for itself, a row alone has none.
        analyses: By content hash of the run; runs without usable detections are not in it.
        intervals: Each row's mAP, by row id; shares, 0 to 1.
        differences: mAP of the row minus that of its baseline, by row id.
        gray_differences: The same on the gray version of the test images.
        notes: What a reader must know.
        resamples: Resamples of the test images.
        seed: Of the resamples.
    """

    rows: tuple[Row, ...]
    started: tuple[Row, ...]
    others: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    baselines: dict[str, Row]
    analyses: dict[str, RunAnalysis]
    intervals: dict[str, Interval]
    differences: dict[str, Interval]
    gray_differences: dict[str, Interval]
    notes: tuple[str, ...]
    resamples: int
    seed: int

    @property
    def baseline(self) -> Row | None:
        """The baseline, if there is exactly one."""
        different = {row.id: row for row in self.baselines.values()}
        return next(iter(different.values())) if len(different) == 1 else None

    def is_baseline(self, row: Row) -> bool:
        """Whether others are compared with the row."""
        return row.id in self.baselines and self.baselines[row.id].id == row.id


def compare(
    runs: Sequence[RunRecord],
    cache: Path,
    baseline: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    tell: Callable[[str], None] = lambda line: None,
    workers: int | None = 1,
) -> Comparison:
    """Compares runs.

    Args:
        runs: As `find_runs` gives them.
        cache: Folder for what was computed of each run.
        baseline: Label or id of a row; None as in `choose_baselines`.
        resamples: Resamples of the test images, at least 1.
        seed: Of the resamples.
        tell: Called with a line for each run that has to be analyzed.
        workers: Processes that analyze runs where there is much to do; None for as many as there are cores.

    Raises:
        ValueError: If no row has the name of the baseline.
    """
    shown = divide(runs)
    rows, unfinished = shown.rows, (*shown.started, *shown.others)
    baselines = choose_baselines(rows, baseline, unfinished)
    notes = [*shown.notes, *comparison_notes(rows, baselines, unfinished)]
    if baseline is not None and rows and not baselines:
        notes.append(f"The baseline {baseline} has no finished run yet, so there is no Δ vs. baseline.")
    finished = [(run_name(row.label, run), run.folder) for row in rows for run in row.finished]
    analyze_ahead(finished, cache, resamples, seed, workers, tell)
    analyses, unequal, files = _analyze(rows, cache, resamples, seed, tell)
    usable, reasons = _usable(rows, analyses)
    means = {row.id: _mean(row, "map_50") for row in rows}
    intervals = {name: row_interval(resampled, means[name], seed) for name, resampled in usable.items()}
    color: dict[str, Interval] = {}
    gray: dict[str, Interval] = {}
    for row in rows:
        chosen = baselines.get(row.id, row)
        if chosen is not row and {row.id, chosen.id} <= usable.keys():
            reasons += _add_differences(row, chosen, analyses, color, gray, seed)
    return Comparison(
        rows, shown.started, shown.others, (*shown.left_out, *files), baselines, analyses, intervals, color, gray,
        (*notes, *unequal, *reasons), resamples, seed,
    )  # fmt: skip


def mean_of(comparison: Comparison, row: Row, part: str) -> dict[str, float] | None:
    """The mean over a row's seeds of `errors` or `sizes`; None without any analysis, NaN where no seed has it."""
    found = [getattr(each, part) for run in row.finished if (each := comparison.analyses.get(_id(run)))]
    if not found:
        return None
    known = {key: [each[key] for each in found if not np.isnan(each[key])] for key in found[0]}
    return {key: statistics.fmean(values) if values else float("nan") for key, values in known.items()}


def _analyze(
    rows: Sequence[Row], cache: Path, resamples: int, seed: int, tell: Callable[[str], None]
) -> tuple[dict[str, RunAnalysis], list[str], list[LeftOut]]:
    """Analyses of the finished runs, notes on those that contradict their results, and files that were left out."""
    finished = [(row, run) for row in rows for run in row.finished]
    analyses, notes, files = {}, [], []
    for place, (row, run) in enumerate(finished, start=1):
        line = f"analyzing run {place} of {len(finished)}: {run_name(row.label, run)}"
        analysis, problems = analyze_run(run.folder, cache, resamples, seed, partial(tell, line))
        files += files_left_out(row.label, run, [*run.problems, *problems])
        if analysis is None:
            continue
        unequal = _unequal(run, analysis)
        notes += [f"{run_name(row.label, run)} in {run.folder}: {each}" for each in unequal]
        if not unequal:
            analyses[_id(run)] = analysis
    return analyses, notes, files


def _unequal(run: RunRecord, analysis: RunAnalysis) -> list[str]:
    """Where the detections do not give the metrics that the run reports."""
    pairs = {
        DETECTIONS_FILE: (analysis.map_50, metric_of(run.results, "map_50")),
        GRAY_DETECTIONS_FILE: (analysis.gray_map_50, metric_of(run.results, "gray_map_50")),
    }
    return [
        f"{name} gives mAP {100 * computed:.2f} but {RESULTS_FILE} says {100 * said:.2f}, "
        "so nothing is computed from it."
        for name, (computed, said) in pairs.items()
        if computed is not None and said is not None and not abs(computed - said) <= _TOLERANCE
    ]


def _usable(
    rows: Sequence[Row], analyses: dict[str, RunAnalysis]
) -> tuple[dict[str, Float64[np.ndarray, "S R"]], list[str]]:
    """Resampled mAP of the rows whose finished runs all have detections, of one test set."""
    usable, notes = {}, []
    for row in rows:
        known = [analyses[_id(run)] for run in row.finished if _id(run) in analyses]
        if not known or len(known) < len(row.finished):
            continue
        if len({(each.truth, each.class_names) for each in known}) > 1:
            notes.append(f"The seeds of {row.label} were not measured on one test set; the row has no interval.")
        else:
            usable[row.id] = np.stack([each.resampled for each in known])
    return usable, notes


def _add_differences(
    row: Row,
    baseline: Row,
    analyses: dict[str, RunAnalysis],
    color: dict[str, Interval],
    gray: dict[str, Interval],
    seed: int,
) -> list[str]:
    """Adds the row's differences, or says why there are none."""
    ours, theirs = ([analyses[_id(run)] for run in each.finished] for each in (row, baseline))
    if ours[0].class_names != theirs[0].class_names:
        return [_not_compared(row, baseline, "other classes")]
    if ours[0].truth != theirs[0].truth:
        return [_not_compared(row, baseline, "other test images or objects")]
    color[row.id] = _difference(row, baseline, ours, theirs, "map_50", seed)
    if all(each.gray_resampled is not None for each in (*ours, *theirs)):
        gray[row.id] = _difference(row, baseline, ours, theirs, "gray_map_50", seed)
    return []


def _not_compared(row: Row, baseline: Row, reason: str) -> str:
    return (
        f"{row.label} and {baseline.label} were measured on different test sets ({reason}), so their metrics are not "
        "compared."
    )


def _difference(
    row: Row, baseline: Row, ours: list[RunAnalysis], theirs: list[RunAnalysis], metric: str, seed: int
) -> Interval:
    name = {"map_50": "resampled", "gray_map_50": "gray_resampled"}[metric]
    mine, base = (np.stack([getattr(each, name) for each in side]) for side in (ours, theirs))
    seeds, base_seeds = ([_seed(run) for run in each.finished] for each in (row, baseline))
    return paired_difference(mine, base, seeds, base_seeds, _mean(row, metric) - _mean(baseline, metric), seed)


def _mean(row: Row, metric: str) -> float:
    found = spread(row, metric)
    return found.mean if found else float("nan")


def _seed(run: RunRecord) -> int:
    return int(run.identity["seed"] or 0)


def _id(run: RunRecord) -> str:
    return run.identity["content"]
