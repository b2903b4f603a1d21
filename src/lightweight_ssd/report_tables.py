"""The comparison as text: `report.md` to read, `report.csv` and `runs.csv` to compute with, a short table to print."""

import csv
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["markdown_report", "rows_csv", "runs_csv", "short_table"]

_NONE = "–"
_ERRORS = ("classification", "localization", "both", "duplicate", "background", "missed")
_SIZES = ("small", "medium", "large")


def markdown_report(payload: dict[str, Any]) -> str:
    """The whole report as Markdown.

    Args:
        payload: As `report_payload.build_payload` gives it.
    """
    rows = payload["rows"]
    parts = [f"# {_text(payload['title'])}", _how_to_read(payload)]
    for experiment in dict.fromkeys(row["experiment"] for row in rows):
        members = [row for row in rows if row["experiment"] == experiment]
        parts += [f"## {_text(experiment)}", _table(_MAIN, [_main_cells(payload, row) for row in members])]
    parts += _analyses(rows)
    stopped = [run for run in payload["runs"] if run["state"] != "finished"]
    if stopped:
        cells = [[_name(payload, run), run["state"], run["error"] or _progress(run), run["log"]] for run in stopped]
        parts += ["## Runs that did not finish", _table(("run", "state", "reason", "log"), cells)]
    if payload["notes"]:
        parts += ["## Notes", "\n".join(f"- {_text(note)}" for note in payload["notes"])]
    parts += ["## How it was computed", _how_computed(payload)]
    return "\n\n".join(parts) + "\n"


def short_table(payload: dict[str, Any]) -> str:
    """Rows, seeds, mAP and the difference, for a console."""
    cells = [("row", "seeds", "mAP", "difference")]
    cells += [(row["label"], _seeds(row), _share(row, "map_50"), _difference(payload, row)) for row in payload["rows"]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def rows_csv(payload: dict[str, Any]) -> str:
    """One line per row with raw numbers: shares from 0 to 1, hours, milliseconds; an empty cell where there is none."""
    return _csv(_flat_row(payload, row) for row in payload["rows"])


def runs_csv(payload: dict[str, Any]) -> str:
    """One line per run: what it takes to find it and to repeat it, and its figures."""
    labels = {row["id"]: row for row in payload["rows"]}
    return _csv(
        {
            **{key: labels[run["row"]][key] for key in ("experiment", "scale", "label")},
            **{key: run[key] for key in ("row", "seed", "state", "error", "commit", "uncommitted_changes")},
            "config_hash": run["id"],
            **{key: run[key] for key in ("folder", "log", "host", "started")},
            "overrides": " ".join(run["overrides"]),
            **run["figures"],
        }
        for run in payload["runs"]
    )


_MAIN = (
    "row", "seeds", "mAP", "difference [95 % interval]", "11-point", "50:95", "gray mAP", "parameters",
    "multiply-adds", "latency", "training", "paper mAP", "paper parameters",
)  # fmt: skip


def _main_cells(payload: dict[str, Any], row: dict[str, Any]) -> list[str]:
    paper = row["paper"] or {}
    shares = [_share(row, name) for name in ("map_50_11point", "map_50_95", "gray_map_50")]
    return [
        row["label"],
        _seeds(row),
        _share(row, "map_50"),
        _difference(payload, row),
        *shares,
        _large(_mean(row, "parameters")),
        _large(_mean(row, "macs")),
        _spread(row, "latency_ms", lambda value: f"{value:.1f}", " ms"),
        _hours(_mean(row, "training_hours")),
        _percent(paper.get("map_50")),
        _large(paper.get("parameters")),
    ]


def _analyses(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The tables of errors, sizes and gray images, each where a row has it."""
    parts = []
    errors = [[row["label"], *(_percent(row["errors"][kind]) for kind in _ERRORS)] for row in rows if row["errors"]]
    if errors:
        said = "mAP (points) that would be won if all errors of one kind were put right; they do not add up."
        parts += ["## What is lost to which error", said, _table(("row", *_ERRORS), errors)]
    sizes = [[row["label"], *(_percent(row["sizes"][size]) for size in _SIZES)] for row in rows if row["sizes"]]
    if sizes:
        said = "mAP of objects below 32², below 96² and from 96² square pixels of the image file."
        parts += ["## By size of the object", said, _table(("row", *_SIZES), sizes)]
    gray = [_gray_cells(row) for row in rows if row["figures"]["gray_map_50"]]
    if gray:
        heads = ("row", "colour mAP", "gray mAP", "lost on gray", "gray difference [95 % interval]")
        parts += ["## Gray against colour", "The same checkpoints on the gray version of the test images."]
        parts += [_table(heads, gray)]
    return parts


def _gray_cells(row: dict[str, Any]) -> list[str]:
    colour, gray = _mean(row, "map_50"), _mean(row, "gray_map_50")
    lost = None if colour is None or gray is None else colour - gray
    shares = [_share(row, "map_50"), _share(row, "gray_map_50"), _percent(lost)]
    return [row["label"], *shares, _interval(row["gray_difference"])]


def _how_to_read(payload: dict[str, Any]) -> str:
    baseline = next((row["label"] for row in payload["rows"] if row["id"] == payload["baseline"]), None)
    return (
        "mAP is the area figure at IoU 0.5 on the test images, in percent, mean ± standard deviation over seeds. "
        f"Differences are to **{_text(baseline or _NONE)}**. A difference whose 95 % interval holds zero is marked "
        "*not shown*: these images and seeds do not show that the rows differ."
    )


def _how_computed(payload: dict[str, Any]) -> str:
    return (
        f"From the run folders alone, at {payload['generated']} by commit {payload['commit'] or 'unknown'}. "
        f"Intervals: paired bootstrap, {payload['resamples']} resamples of the test images (seed {payload['seed']}) "
        "and of the seeds of a row that has several; percentile interval, 95 %. Not corrected for the number of rows: "
        "of twenty rows that change nothing about one is shown. Standard deviations are of the sample (n − 1)."
    )


def _flat_row(payload: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    flat = {key: row[key] for key in ("experiment", "scale", "label", "id", "state", "finished", "planned")}
    flat["baseline"] = row["id"] == payload["baseline"]
    for name, figure in row["figures"].items():
        flat |= {f"{name}_{key}": (figure or {}).get(key) for key in ("mean", "std", "n")}
    for name, keys in {
        "interval": ("low", "high"),
        "difference": ("mean", "low", "high", "shown"),
        "gray_difference": ("mean", "low", "high", "shown"),
        "errors": _ERRORS,
        "sizes": _SIZES,
        "paper": ("map_50", "parameters"),
    }.items():
        flat |= {f"{name}_{key}": (row[name] or {}).get(key) for key in keys}
    return flat


def _csv(lines: Iterable[dict[str, Any]]) -> str:
    lines = list(lines)
    names = list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(map(_text, line)) + " |" for line in (heads, rule, *lines))


def _text(value: str) -> str:
    """Text that stays text in Markdown and in a cell of its tables."""
    return html.escape(" ".join(str(value).split()), quote=False).replace("|", "\\|")


def _name(payload: dict[str, Any], run: dict[str, Any]) -> str:
    label = next(row["label"] for row in payload["rows"] if row["id"] == run["row"])
    return f"{label}, seed {run['seed']}"


def _progress(run: dict[str, Any]) -> str:
    return f"at step {run['step']} of {run['total_steps']}" if run["step"] is not None else _NONE


def _seeds(row: dict[str, Any]) -> str:
    return str(row["planned"]) if row["finished"] == row["planned"] else f"{row['finished']} of {row['planned']}"


def _mean(row: dict[str, Any], name: str) -> float | None:
    figure = row["figures"][name]
    return figure["mean"] if figure else None


def _share(row: dict[str, Any], name: str) -> str:
    return _spread(row, name, lambda value: f"{100 * value:.1f}")


def _spread(row: dict[str, Any], name: str, shown: Any, unit: str = "") -> str:
    figure = row["figures"][name]
    if figure is None:
        return _NONE
    spread = f" ± {shown(figure['std'])}" if figure["std"] is not None else ""
    return shown(figure["mean"]) + spread + unit


def _difference(payload: dict[str, Any], row: dict[str, Any]) -> str:
    return "baseline" if row["id"] == payload["baseline"] else _interval(row["difference"])


def _interval(found: dict[str, Any] | None) -> str:
    """A difference in points, marked where it is not shown.

    Example:
        >>> _interval({"mean": 0.002, "low": -0.001, "high": 0.005, "shown": False})
        '+0.2 [-0.1, +0.5] not shown'
    """
    if found is None:
        return _NONE
    mean, low, high = (f"{100 * found[key]:+.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]" + ("" if found["shown"] else " not shown")


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{100 * value:.1f}"


def _large(value: float | None) -> str:
    """Parameters and multiply-adds with three digits.

    Example:
        >>> _large(4_862_678), _large(1.55e9), _large(22759)
        ('4.86 M', '1.55 G', '22.8 k')
    """
    if value is None:
        return _NONE
    units = ((1e9, " G"), (1e6, " M"), (1e3, " k"))
    scale, unit = next((each for each in units if value >= each[0]), (1, ""))
    return f"{value / scale:.3g}{unit}"


def _hours(value: float | None) -> str:
    """Training time in the unit that reads best.

    Example:
        >>> _hours(2.5), _hours(0.405), _hours(0.002)
        ('2.5 h', '24 min', '7 s')
    """
    if value is None:
        return _NONE
    if value >= 1:
        return f"{value:.1f} h"
    return f"{60 * value:.0f} min" if value >= 1 / 60 else f"{3600 * value:.0f} s"
