"""The comparison as text: `report.md` to read, `report.csv` and `runs.csv` to compute with."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lightweight_ssd.report.number_format import NONE, hours, interval, large, mean, percent, share, signed, timed
from lightweight_ssd.runs.status import UNDER_WAY
from lightweight_ssd.system.plain_text import markdown, spreadsheet_cell

__all__ = ["DIFFERENCE", "TEST_MAP", "markdown_report", "rows_csv", "runs_csv", "sections", "seeds", "vs_baseline"]

DIFFERENCE = "Δ vs. baseline (95 % CI)"
TEST_MAP = "test mAP@0.5"
_ERRORS = ("classification", "localization", "both", "duplicate", "background", "missed")
_SIZES = ("small", "medium", "large")


def markdown_report(payload: dict[str, Any]) -> str:
    """The whole report as Markdown.

    Args:
        payload: As `payload.build_payload` gives it.
    """
    parts = [f"# {_text(payload['title'])}", _how_to_read(payload), _text(payload["left_out_line"])]
    for name, rows in sections(payload):
        said = f"The baseline is **{_text(_baseline(rows) or NONE)}**." if _baseline(rows) else ""
        parts += [f"## {_text(name)}", said, _table(*_without_empty(_MAIN, map(_main_cells, rows))), _notes(rows)]
    parts += _analyses(payload["rows"])
    if payload["notes"]:
        parts += ["## Notes", "\n".join(f"- {markdown(note, starts_line=True)}" for note in payload["notes"])]
    parts += ["## How it was computed", _how_computed(payload), *_left_out(payload)]
    return "\n\n".join(filter(None, parts)) + "\n"


def rows_csv(payload: dict[str, Any]) -> str:
    """One line per row with raw numbers: shares from 0 to 1, hours, milliseconds; an empty cell where there is none."""
    return _csv(map(_flat_row, payload["rows"]))


def runs_csv(payload: dict[str, Any]) -> str:
    """One line per run, finished or not: what it takes to find and to repeat it, and its metrics (shares 0 to 1)."""
    return _csv(
        {
            **{key: run[key] for key in ("experiment", "scale", "label")},
            **{key: run[key] for key in ("row", "seed", "state", "error", "commit", "uncommitted_changes")},
            "config_hash": run["id"],
            **{key: run[key] for key in ("folder", "log", "host", "started")},
            "overrides": " ".join(run["overrides"]),
            "latency_device": run["latency_device"],
            **run["metrics"],
        }
        for run in payload["runs"]
    )


def sections(payload: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one experiment and scale, under the experiment's name and, where it has several, the scale."""
    groups: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in payload["rows"]:
        groups.setdefault((row["experiment"], row["scale"]), []).append(row)
    experiments = [experiment for experiment, _ in groups]
    for (experiment, scale), rows in groups.items():
        yield experiment if experiments.count(experiment) == 1 else f"{experiment}, scale={scale}", rows


def _baseline(rows: Sequence[dict[str, Any]]) -> str | None:
    """The row that the others of a section are compared with."""
    return next((row["compared_with"] for row in rows if row["compared_with"]), None)


_MAIN = (
    "row", "seeds", TEST_MAP, DIFFERENCE, "mAP@0.5 (11-pt)", "mAP@[.5:.95]", "COCO AP", "mAP@0.5, grayscale",
    "parameters", "MACs", "latency", "training time", "paper mAP@0.5", "paper COCO AP", "paper parameters",
)  # fmt: skip


def _main_cells(row: dict[str, Any]) -> list[str]:
    paper = row["paper"] or {}
    return [
        row["label"],
        seeds(row),
        share(row, "map_50") + (" †" if row["chosen_on_test"] else ""),
        vs_baseline(row),
        *(share(row, name) for name in ("map_50_11point", "map_50_95", "coco_ap", "gray_map_50")),
        large(mean(row, "parameters")),
        large(mean(row, "macs")),
        timed(row["latency"]),
        hours(mean(row, "training_hours")),
        percent(paper.get("map_50")),
        percent(paper.get("map_coco")),
        large(paper.get("parameters")),
    ]


def _notes(rows: Sequence[dict[str, Any]]) -> str:
    """What the paper's numbers are, of the rows that say it."""
    lines = [f"- {_text(row['label'])}: {_text(row['note'])}" for row in rows if row["note"]]
    return "\n".join(["What the paper's numbers are:", "", *lines]) if lines else ""


def _without_empty(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The table without columns in which no row has anything."""
    lines = list(lines)
    kept = [place for place in range(len(heads)) if any(line[place] != NONE for line in lines)]
    return [heads[place] for place in kept], [[line[place] for place in kept] for line in lines]


def _analyses(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The tables of error types, object sizes and grayscale images, each where a row has it."""
    parts = []
    errors = [[row["label"], *(percent(row["errors"][kind]) for kind in _ERRORS)] for row in rows if row["errors"]]
    if errors:
        said = (
            "ΔmAP, in points, if this error type and nothing else were fixed (TIDE). The columns do not add up to all "
            "that is lost."
        )
        parts += ["## ΔmAP by type of error", said, _table(("row", *_ERRORS), errors)]
    sizes = [[row["label"], *(percent(row["sizes"][size]) for size in _SIZES)] for row in rows if row["sizes"]]
    if sizes:
        said = (
            "mAP@0.5 of small (area below 32² pixels of the image file), medium (below 96²) and large objects. "
            f"{NONE}: the test images have none of this size."
        )
        parts += ["## mAP@0.5 by object size", said, _table(("row", *_SIZES), sizes)]
    gray = [_gray_cells(row) for row in rows if row["metrics"]["gray_map_50"]]
    if gray:
        heads = ("row", "mAP@0.5", "mAP@0.5, grayscale", "grayscale − color", f"grayscale: {DIFFERENCE}")
        said = "The same checkpoints on grayscale versions of the test images."
        parts += ["## Grayscale vs. color", said, _table(*_without_empty(heads, gray))]
    return parts


def _gray_cells(row: dict[str, Any]) -> list[str]:
    color, gray = mean(row, "map_50"), mean(row, "gray_map_50")
    change = None if color is None or gray is None else gray - color
    difference = "baseline" if row["baseline"] else interval(row["gray_difference"])
    return [row["label"], share(row, "map_50"), share(row, "gray_map_50"), signed(change), difference]


def _left_out(payload: dict[str, Any]) -> list[str]:
    """Runs without metrics and files that could not be used, folded away: they stand at the end of the file."""
    under_way = [
        [f"{run['experiment']}: {run['label']} (seed {run['seed']})", run["state"], _progress(run), run["folder"]]
        for run in payload["runs"]
        if run["state"] in UNDER_WAY
    ]
    cells = [
        [each["name"], each["kind"], each["reason"] or NONE, each["log"] or each["place"] or NONE]
        for each in payload["left_out"]
    ]
    if not under_way + cells:
        return []
    table = _table(("run", "state", "reason", "log or folder"), under_way + cells)
    summary = f"<details><summary>{_text(payload['left_out_line'])}</summary>"
    return ["## Not in the table", summary, table, "</details>"]


def _how_to_read(payload: dict[str, Any]) -> str:
    said = [
        "mAP@0.5 is the mean over classes of the area under the precision-recall curve at IoU 0.5. AP and mAP are in % "
        "and of the test images; ± is the standard deviation over seeds."
    ]
    if any(row["metrics"]["coco_ap"] for row in payload["rows"]):
        said.append("COCO AP is the mean over classes and over IoU 0.5 to 0.95 by COCO's rules, on the same images.")
    if any(row["difference"] for row in payload["rows"]):
        said.append(
            "Δ is in points of mAP. *n.s.* means not significant, that is inconclusive (95 % CI includes 0): these "
            "images and seeds do not show that the rows differ."
        )
    if any(row["paper"] for row in payload["rows"]):
        said.append("The paper's results are for its own data and training budget.")
    devices = list(dict.fromkeys(run["latency_device"] for run in payload["runs"] if run["latency_device"]))
    if devices:
        said.append(
            f"Latency is for one image on {_text(' or '.join(devices))}: the median, and in brackets the 10th to the "
            "90th percentile. Rows of one network share one latency."
        )
    return " ".join(said)


def _how_computed(payload: dict[str, Any]) -> str:
    return (
        f"From the run folders alone, at {payload['generated']} by commit {payload['commit'] or 'unknown'}. "
        f"95 % CI: percentile interval of a paired bootstrap, {payload['resamples']:,} resamples of the test images "
        f"(seed {payload['seed']}) and, where a row has several, of its seeds. It is not corrected for the number of "
        "rows: about one of twenty rows without any effect appears significant. With few seeds the interval is too "
        "narrow: resampling S seeds shows (S − 1)/S of the variance between them, so run more seeds for a close case. "
        "± is the sample standard deviation (n − 1)."
    )


def _flat_row(row: dict[str, Any]) -> dict[str, Any]:
    flat = {key: row[key] for key in ("experiment", "scale", "label", "id", "state", "finished", "planned")}
    flat |= {key: row[key] for key in ("baseline", "compared_with")}
    flat |= {key: row[key] for key in ("chosen_on_test", "comparable_with_paper")}
    flat |= {"note": row["note"]}
    for name, spread in row["metrics"].items():
        flat |= {f"{name}_{key}": (spread or {}).get(key) for key in ("mean", "std", "n")}
    for name, keys in {
        "latency": ("ms", "low", "high", "runs", "busy"),
        "interval": ("low", "high"),
        "difference": ("mean", "low", "high", "shown"),
        "gray_difference": ("mean", "low", "high", "shown"),
        "errors": _ERRORS,
        "sizes": _SIZES,
        "paper": ("map_50", "map_coco", "parameters"),
    }.items():
        flat |= {f"{name}_{key}": (row[name] or {}).get(key) for key in keys}
    return flat


def _csv(lines: Iterable[dict[str, Any]]) -> str:
    lines = list(lines)
    names = list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: spreadsheet_cell(value) for name, value in line.items()} for line in lines)
    return text.getvalue()


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(map(_text, line)) + " |" for line in (heads, rule, *lines))


def _text(value: str) -> str:
    """Text that stays text in Markdown and in a cell of its tables."""
    return markdown(str(value))


def _progress(run: dict[str, Any]) -> str:
    return f"at step {run['step']} of {run['total_steps']}" if run["step"] is not None else NONE


def seeds(row: dict[str, Any]) -> str:
    """How many seeds of a row finished, such as `3` or `2 of 3`."""
    return str(row["planned"]) if row["finished"] == row["planned"] else f"{row['finished']} of {row['planned']}"


def vs_baseline(row: dict[str, Any]) -> str:
    """A row's difference to its baseline with its confidence interval."""
    return "baseline" if row["baseline"] else interval(row["difference"])
