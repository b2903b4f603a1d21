"""The plots of a report as PNG and SVG files for a paper; only those for which the runs have values."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS
from lightweight_ssd.plots.style import unknown_letters_as_boxes
from lightweight_ssd.report.bar_plots import difference_forest, lost_map_bars
from lightweight_ssd.report.plots import accuracy_against_cost, curves_with_band, save_both

__all__ = ["write_plots"]

_CURVES = {"val/map_50": ("val mAP@0.5 (%)", True), "train/loss": ("train loss", False)}
# Metric of a row: axis label with the unit, the size of the unit, and the same metric of the paper's points.
_COSTS = {
    "parameters": ("parameters (millions)", 1e6, "parameters"),
    "macs": ("GMACs", 1e9, None),
    "latency_ms": ("latency of one image (ms), bar: 10th to 90th percentile", 1.0, "latency_ms"),
}
_OTHER = "_other"  # rows that were not trained as the paper's were, apart from its points
_NAMES = (
    *(f"curves_{name.replace('/', '_')}" for name in _CURVES),
    *(f"accuracy_{cost}{ending}" for cost in _COSTS for ending in ("", _OTHER)),
    "errors",
)  # fmt: skip


def write_plots(payload: dict[str, Any], folder: Path) -> list[Path]:
    """Draws every plot that the runs have values for and deletes what an earlier report drew of others.

    Args:
        payload: As `payload.build_payload` gives it.
        folder: Made where missing.

    Returns:
        The files written.
    """
    with unknown_letters_as_boxes():
        figures = {name: figure for name, draw in _drawings(payload) if (figure := draw()) is not None}
        written = [path for name, figure in figures.items() for path in save_both(figure, folder / name)]
    for pattern in (*_NAMES, "differences", "differences_*"):
        for old in (path for ending in ("png", "svg") for path in folder.glob(f"{pattern}.{ending}")):
            if old not in written:
                old.unlink()
    return written


def _drawings(payload: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Figure | None]]]:
    for name in _CURVES:
        yield f"curves_{name.replace('/', '_')}", lambda name=name: _curves(payload, name)
    for cost in _COSTS:
        for ending, (rows, paper) in _panels(payload, cost).items():
            drawing = partial(_accuracy, payload, cost, rows, paper)
            yield f"accuracy_{cost}{ending}", drawing
    for name, rows in _compared(payload).items():
        yield name, lambda rows=rows: _differences(rows)
    yield "errors", lambda: _errors(payload)


def _curves(payload: dict[str, Any], name: str) -> Figure | None:
    """Finished runs only: a mean over runs of different lengths would jump where one of them ends."""
    runs = [run for run in payload["runs"] if run["state"] == "finished" and name in run["curves"]]
    rows = [row for row in payload["rows"] if any(run["row"] == row["id"] for run in runs)]
    if not rows:
        return None
    lines = [[_line(run, name) for run in runs if run["row"] == row["id"]] for row in rows]
    label, percent = _CURVES[name]
    return curves_with_band([row["label"] for row in rows], lines, "step", label, payload["title"], percent)


def _line(run: dict[str, Any], name: str) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, " K"]]:
    return np.array(run["curves"]["step"], np.float64), np.array(run["curves"][name], np.float64)


def _panels(payload: dict[str, Any], cost: str) -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """By the ending of a plot's name its rows and the paper's points, which stand beside comparable rows alone."""
    rows = [row for row in payload["rows"] if row["metrics"]["map_50"] and row["metrics"][cost]]
    printed = _COSTS[cost][2]
    paper = [point for point in payload["paper_points"] if printed and point[printed] is not None]
    comparable = [row for row in rows if row["comparable_with_paper"]]
    if not paper or not comparable:
        return {"": (rows, [])}
    return {"": (comparable, paper), _OTHER: ([row for row in rows if row not in comparable], [])}


def _accuracy(
    payload: dict[str, Any], cost: str, rows: list[dict[str, Any]], paper: list[dict[str, Any]]
) -> Figure | None:
    if not rows:
        return None
    label, unit, printed = _COSTS[cost]
    means, deviation = (
        np.array([row["metrics"]["map_50"][key] for row in rows], np.float64) for key in ("mean", "std")
    )
    low, costs, high = np.array([_cost(row, cost) for row in rows], np.float64).T / unit
    points = [(each["name"], each["map_50"], each[printed] / unit) for each in paper]
    theirs = f"the paper's {'Table 6, ' + payload['paper_gpu'] if cost == 'latency_ms' else 'Table 5, VOC 2007 test'}"
    names = [row["label"] + (" (busy machine)" if _is_busy(row, cost) else "") for row in rows]
    spread = np.stack([low, high])
    return accuracy_against_cost(names, costs, means, label, payload["title"], deviation, points, spread, theirs)


def _cost(row: dict[str, Any], cost: str) -> tuple[float, float, float]:
    """Low end, value and high end; the ends of a cost that has no spread are the value itself."""
    latency = row["latency"]
    if cost != "latency_ms" or not latency:
        return (row["metrics"][cost]["mean"],) * 3
    low, high = (latency[key] if latency[key] is not None else latency["ms"] for key in ("low", "high"))
    return low, latency["ms"], high


def _is_busy(row: dict[str, Any], cost: str) -> bool:
    return cost == "latency_ms" and bool(row["latency"] and row["latency"]["busy"])


def _compared(payload: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Rows that have a difference, by the name of the plot: one for each baseline."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in payload["rows"]:
        if row["difference"]:
            groups.setdefault(row["compared_with"], []).append(row)
    if len(groups) < 2:
        return dict.fromkeys(("differences",), *groups.values()) if groups else {}
    experiments = [rows[0]["experiment"] for rows in groups.values()]
    named: dict[str, list[dict[str, Any]]] = {}
    for rows in groups.values():
        experiment, scale = rows[0]["experiment"], rows[0]["scale"]
        name = experiment if experiments.count(experiment) == 1 else f"{experiment}_{scale}"
        name = "differences_" + re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
        named[name if name not in named else f"{name}_{len(named)}"] = rows
    return named


def _differences(rows: list[dict[str, Any]]) -> Figure:
    found = [row["difference"] for row in rows]
    intervals = [(each["mean"], each["low"], each["high"], each["shown"]) for each in found]
    return difference_forest([row["label"] for row in rows], intervals, rows[0]["compared_with"])


def _errors(payload: dict[str, Any]) -> Figure | None:
    rows = [row for row in payload["rows"] if row["errors"]]
    if not rows:
        return None
    lost = np.array([[row["errors"][kind] for kind in ERROR_KINDS] for row in rows], np.float64)
    return lost_map_bars([row["label"] for row in rows], lost)
