"""The comparison as plain JSON: what the page shows and the tables are written from."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightweight_ssd.report.caveats import comparable_with_paper
from lightweight_ssd.report.comparison import Comparison, mean_of
from lightweight_ssd.report.conditions import chosen_on_test
from lightweight_ssd.report.disagreement_images import disagreement_images
from lightweight_ssd.report.latency import RowLatency, row_latencies
from lightweight_ssd.report.left_out import (
    FILE,
    LeftOut,
    files_left_out,
    folders_left_out,
    jobs_left_out,
    left_out_line,
)
from lightweight_ssd.report.paper_results import PAPER_GPU, TABLE_5
from lightweight_ssd.report.rows import Row, config_differences, spread
from lightweight_ssd.report.run_payload import per_class, run_payload
from lightweight_ssd.runs.environment import environment
from lightweight_ssd.runs.metrics_file import read_curves
from lightweight_ssd.runs.result_metrics import METRICS
from lightweight_ssd.runs.status import UNDER_WAY
from lightweight_ssd.sweeps.notes import SweepNotes
from lightweight_ssd.system.json_file import finite

__all__ = ["build_payload"]


def build_payload(
    comparison: Comparison,
    max_images: int = 24,
    images: Path | None = None,
    watch: bool = False,
    sweeps: SweepNotes | None = None,
    unlisted: Sequence[OSError] = (),
) -> dict[str, Any]:
    """Gathers everything that the page and the tables show.

    Args:
        comparison: Rows, their runs and what was computed of them.
        max_images: Images of disagreement, at most.
        images: Folder of the image files; None looks where they lay when the runs were measured.
        watch: Whether the page is served and asks for newer versions of itself.
        sweeps: Notes on jobs of sweeps that have no run folder.
        unlisted: Errors of folders that could not be searched for runs.

    Returns:
        Plain containers without NaN; shares from 0 to 1, hours, milliseconds. `rows` have a finished run, `started`
        none but one under way; `runs` are those of both and of all other rows, and `left_out` says what is missing
        and why. Besides what the page needs, each run has what its line in `runs.csv` needs. `baseline` is null where
        there are several; each row names its own.
    """
    pictures, notes = disagreement_images(comparison, max_images, images)
    sweeps = sweeps or SweepNotes()
    rows, baseline, latencies = comparison.rows, comparison.baseline, row_latencies(comparison.rows)
    shown = [*rows, *comparison.started]
    curves = {run.folder: read_curves(run.folder) for row in shown for run in row.runs}
    left_out = [*comparison.left_out, *jobs_left_out(sweeps.failed), *folders_left_out(unlisted)]
    left_out += [
        entry for row in shown for run in row.runs for entry in files_left_out(row.label, run, curves[run.folder][1])
    ]
    runs = [
        run_payload(comparison, row, run, curves.get(run.folder))
        for row in (*shown, *comparison.others)
        for run in row.runs
    ]
    under_way = sum(run["state"] in UNDER_WAY for run in runs)
    content = {
        "title": _title([*shown, *comparison.others]),
        "generated": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": environment()["commit"],
        "baseline": baseline.id if baseline else None,
        "watch": watch,
        "resamples": comparison.resamples,
        "seed": comparison.seed,
        "notes": [*sweeps.notes, *comparison.notes, *notes],
        "rows": [_row(comparison, row, latencies.get(row.id)) for row in rows],
        "started": [_started(row) for row in comparison.started],
        "runs": runs,
        "left_out": [entry._asdict() for entry in left_out],
        "left_out_line": left_out_line(left_out, under_way),
        "states": _states(rows, left_out, under_way),
        "classes": _classes(comparison),
        "configs": _configs(rows),
        "images": pictures,
        "paper_points": _paper_points(rows),
        "paper_gpu": PAPER_GPU,
    }
    return _printable(finite(content))


def _printable(value: Any) -> Any:
    """The same without halves of characters, which a folder's name may hold and no file can."""
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _states(rows: Sequence[Row], left_out: Sequence[LeftOut], under_way: int) -> dict[str, int]:
    """How many runs finished, are under way, and ended in each other way."""
    counts = Counter(entry.kind for entry in left_out if entry.kind != FILE)
    return {"finished": sum(len(row.finished) for row in rows), "running": under_way, **counts}


def _title(rows: Sequence[Row]) -> str:
    experiments = ", ".join(dict.fromkeys(row.experiment for row in rows))
    scales = list(dict.fromkeys(row.scale for row in rows if row.scale))
    return f"{experiments}, scale={scales[0]}" if len(scales) == 1 else experiments


def _started(row: Row) -> dict[str, Any]:
    """A row that has nothing to show yet but its curves."""
    named = {key: getattr(row, key) for key in ("id", "label", "experiment", "scale", "state")}
    return {**named, "runs": [run.identity["content"] for run in row.runs], "planned": len(row.runs), "finished": 0}


def _row(comparison: Comparison, row: Row, latency: RowLatency | None) -> dict[str, Any]:
    interval, baseline = comparison.intervals.get(row.id), comparison.baselines.get(row.id)
    is_baseline = comparison.is_baseline(row)
    return {
        "id": row.id,
        "label": row.label,
        "experiment": row.experiment,
        "scale": row.scale,
        "baseline": is_baseline,
        "compared_with": baseline.label if baseline and not is_baseline else None,
        "runs": [run.identity["content"] for run in row.runs],
        "planned": len(row.runs),
        "finished": len(row.finished),
        "state": row.state,
        "metrics": {name: found._asdict() if (found := spread(row, name)) else None for name in METRICS},
        "latency": latency._asdict() if latency else None,
        "comparable_with_paper": comparable_with_paper(row),
        "chosen_on_test": chosen_on_test(row),
        "interval": {"mean": interval.mean, "low": interval.low, "high": interval.high} if interval else None,
        "difference": found._asdict() if (found := comparison.differences.get(row.id)) else None,
        "gray_difference": found._asdict() if (found := comparison.gray_differences.get(row.id)) else None,
        "paper": _paper(row),
        "note": row.note,
        "errors": mean_of(comparison, row, "errors"),
        "sizes": mean_of(comparison, row, "sizes"),
    }


def _paper(row: Row) -> dict[str, float | None] | None:
    """The paper's results for a row, without those on another data set than the row was measured on."""
    if not row.paper:
        return None
    on_coco = str(row.runs[0].identity["choices"].get("data", "")).startswith("coco")
    left_out = "map_50" if on_coco else "map_coco"
    printed = ("map_50", "map_coco", "parameters")
    return {key: None if key == left_out else _number(row.paper.get(key)) for key in printed}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _classes(comparison: Comparison) -> list[str]:
    """The first baseline's classes in the order of their labels, then those that only other runs have."""
    rows = sorted(comparison.rows, key=lambda row: not comparison.is_baseline(row))
    runs = [run for row in rows for run in row.finished]
    analyses = [comparison.analyses.get(run.identity["content"]) for run in runs]
    names = [name for each in analyses if each for name in each.class_names]
    return list(dict.fromkeys([*names, *(name for run in runs for name in per_class(run))]))


def _configs(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    differences = config_differences(rows)
    return {
        row.id: {key: _as_json(found[row.id]) for key, found in differences.items() if row.id in found} for row in rows
    }


def _as_json(value: Any) -> Any:
    """A config edited by hand may hold what JSON lacks, such as a date, also within a list."""
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _paper_points(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The paper's results for the plots; none where no row was trained on its data with its budget.

    Its latencies are among them only if every comparable row was measured on the paper's GPU.
    """
    comparable = [row for row in rows if comparable_with_paper(row)]
    devices = {latency.device for latency in row_latencies(comparable).values()}
    kept = ("name", "map_50", "parameters")
    kept += ("latency_ms",) if devices and all(PAPER_GPU in device for device in devices) else ()
    return [{"latency_ms": None, **{key: getattr(point, key) for key in kept}} for point in TABLE_5 if comparable]
