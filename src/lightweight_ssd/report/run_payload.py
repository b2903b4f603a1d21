"""What the page and `runs.csv` show of one run, as plain JSON, with curves as fine as a screen shows them."""

from typing import Any

import numpy as np

from lightweight_ssd.report.comparison import Comparison
from lightweight_ssd.report.latency import latency_device
from lightweight_ssd.report.rows import Row
from lightweight_ssd.runs.metrics_file import Columns
from lightweight_ssd.runs.record import RunRecord
from lightweight_ssd.runs.result_metrics import METRICS, metric_of

__all__ = ["per_class", "run_payload"]

_MAX_POINTS = 500  # of a curve; a screen shows no more


def run_payload(
    comparison: Comparison, row: Row, run: RunRecord, curves: tuple[Columns, list[str]] | None
) -> dict[str, Any]:
    """One run.

    Args:
        comparison: With what was computed of it.
        row: That it belongs to.
        run: As it was read.
        curves: What `read_curves` gives for it; None leaves its curves out.
    """
    identity, status = run.identity, run.status
    analysis = comparison.analyses.get(identity["content"])
    return {
        "id": identity["content"],
        "row": row.id,
        **{key: getattr(row, key) for key in ("label", "experiment", "scale")},
        "seed": identity["seed"],
        "state": run.state,
        "folder": str(run.folder),
        "commit": run.environment.get("commit"),
        "host": status.get("host"),
        "error": run.error,
        **{key: status.get(key) for key in ("step", "total_steps", "seconds_left", "updated")},
        "val_map_50": status.get("map_50"),
        "curves": _curves(curves[0]) if curves else {},
        "per_class": per_class(run),
        "precision_recall": analysis.precision_recall if analysis else {},
        "log": str(run.log),
        "latency_device": latency_device(run),
        "started": identity["started"],
        "overrides": identity["overrides"],
        "uncommitted_changes": run.environment.get("uncommitted_changes"),
        "metrics": {name: metric_of(run.results, name) for name in METRICS} if run.complete else {},
    }


def per_class(run: RunRecord) -> dict[str, Any]:
    """AP at IoU 0.5 by class, 0 to 1; empty for a run without results."""
    per_class = (run.results.test and run.results.test.per_class) or {}
    return {name: metrics.ap_50 for name, metrics in per_class.items()} if run.complete else {}


def _curves(columns: Columns) -> dict[str, list[float | None]]:
    """The columns thinned to what a screen shows; points of the validation go last."""
    count = len(columns["step"])
    kept = np.arange(count)
    if count > _MAX_POINTS:
        rare = [column for name, column in columns.items() if name.startswith(("val/", "test/"))]
        measured = np.flatnonzero(~np.isnan(np.stack(rare)).all(0)) if rare else kept[:0]
        measured = _thinned(measured, _MAX_POINTS // 2)
        kept = np.union1d(measured, _thinned(np.arange(count), _MAX_POINTS - len(measured)))
    return {name: [_digits(value) for value in column[kept].tolist()] for name, column in columns.items()}


def _thinned(places: np.ndarray, most: int) -> np.ndarray:
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).round().astype(int)]


def _digits(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
