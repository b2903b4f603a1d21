"""Caveats of a comparison: everything in which two rows differ besides what the ablation varies."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lightweight_ssd.report.conditions import chosen_on_test_note, condition_notes
from lightweight_ssd.report.latency import latency_device, latency_notes, row_latencies
from lightweight_ssd.report.left_out import run_name
from lightweight_ssd.report.rows import Row, listed, spread
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.runs.result_metrics import METRICS

__all__ = ["comparable_with_paper", "comparison_notes"]

_STALE = timedelta(hours=1)  # a running run writes its status every few seconds; validation may take minutes


def comparable_with_paper(row: Row) -> bool:
    """Whether the paper's results on VOC may stand beside a row: the same data, and no smaller budget."""
    return row.runs[0].identity["choices"].get("data") == "voc" and row.scale in (None, "full")


def comparison_notes(rows: Sequence[Row], baselines: Mapping[str, Row], unfinished: Sequence[Row] = ()) -> list[str]:
    """A sentence for each caveat that a reader needs before comparing rows.

    Args:
        rows: The rows with a finished run.
        baselines: By row id the one that it is compared with, as `choose_baselines` gives them.
        unfinished: The other rows.
    """
    finished = [(row, run) for row in rows for run in row.finished]
    notes = [*_stale([*rows, *unfinished]), *_partly_measured(rows), *_single_seeds(rows)]
    notes += [*_baselines(rows, baselines, unfinished), *_beside_the_paper(rows), *chosen_on_test_note(rows)]
    notes += _differing(finished, "Commits", lambda run: (run.environment.get("commit") or "unknown")[:10])
    changed = [(row, run) for row, run in finished if run.environment.get("uncommitted_changes")]
    if changed:
        which = "all runs"
        if len(changed) < len(finished):
            which = listed([run_name(row.label, run) for row, run in changed])
        notes.append(f"Trained with uncommitted changes, so the commit alone does not reproduce it: {which}.")
    notes += _differing(finished, "Post-processing settings", lambda run: run.results.postprocess)
    notes += _differing(finished, "Image sizes (height, width)", lambda run: run.results.input_size)
    notes += _differing(finished, "Budgets (scale)", lambda run: run.identity["scale"])
    notes += condition_notes(rows)
    notes += _differing(finished, "Devices on which latency was measured", latency_device)
    return notes + latency_notes(rows, row_latencies(rows))


def _stale(rows: Sequence[Row]) -> list[str]:
    silent = [
        f"{run_name(row.label, run)} since {run.status['updated']}"
        for row in rows
        for run in row.runs
        if run.state == "running" and _is_old(run.status.get("updated"))
    ]
    return [f"Marked as running but silent for over an hour, so perhaps killed: {listed(silent)}."] if silent else []


def _is_old(updated: Any) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(str(updated)) > _STALE
    except (TypeError, ValueError):  # no time, or one without a zone
        return False


def _partly_measured(rows: Sequence[Row]) -> list[str]:
    notes = []
    for metric in METRICS:
        partly = [
            f"{row.label} ({found.n} of {len(row.finished)} seeds)"
            for row in rows
            if (found := spread(row, metric)) and found.n < len(row.finished)
        ]
        notes += [f"{metric} was not measured for every seed: {listed(partly)}."] if partly else []
    return notes


def _single_seeds(rows: Sequence[Row]) -> list[str]:
    single = [row.label for row in rows if len(row.finished) == 1]
    if not single:
        return []
    return [
        f"Only one seed, so no ±: {listed(single)}. The 95 % CI then captures test-set sampling, not seed-to-seed "
        "variance."
    ]


def _baselines(rows: Sequence[Row], baselines: Mapping[str, Row], unfinished: Sequence[Row]) -> list[str]:
    notes = []
    for baseline in {row.id: row for row in baselines.values()}.values():
        peers = [row for row in (*rows, *unfinished) if row.is_baseline and row.group == baseline.group]
        others = [row.label for row in peers if row is not baseline and row.finished]
        waiting = [row.label for row in peers if not row.finished]
        if others:
            marked = "is also marked as a baseline" if len(others) == 1 else "are also marked as baselines"
            notes.append(f"The baseline is {baseline.label}; {listed(others)} {marked}: baseline=… chooses it.")
        elif waiting and not baseline.is_baseline:
            notes.append(f"The baseline is {baseline.label}, since {listed(waiting)} has no finished run yet.")
    return notes


def _beside_the_paper(rows: Sequence[Row]) -> list[str]:
    """The paper's results hold for its data and budget; beside runs on others they are no reference."""
    shown = any(map(comparable_with_paper, rows))  # then the paper's points are in the plots, beside all rows
    ways: dict[str, None] = {}
    for row in rows:
        data = row.runs[0].identity["choices"].get("data")
        if data and (shown or row.paper) and not comparable_with_paper(row):
            ways[f"data={data}" + (f" and scale={row.scale}" if row.scale else "")] = None
    if not ways:
        return []
    return [
        "The paper's results are for VOC 2007 test, and test-dev 2017 of COCO, after 500,000 steps. They are not "
        f"comparable with runs on {listed(list(ways))}."
    ]


def _differing(finished: list[tuple[Row, RunRecord]], what: str, value_of: Callable[[RunRecord], Any]) -> list[str]:
    """One note if runs differ in a value: each value with the runs that have it."""
    runs: dict[str, list[str]] = {}
    whole: dict[str, dict[str, None]] = {}
    for row, run in finished:
        value = value_of(run)
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        runs.setdefault(text, []).append(run_name(row.label, run))
        whole.setdefault(text, {})[row.label] = None
    if len(runs) < 2:
        return []
    labels = [label for names in whole.values() for label in names]
    by_row = len(labels) == len(set(labels))  # no row has two values: its label is enough
    parts = [f"{text}: {listed(list(whole[text]) if by_row else runs[text])}" for text in runs]
    return [f"{what} differ. {'; '.join(parts)}."]
