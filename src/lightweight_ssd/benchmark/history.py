"""Every measurement of every benchmark as a line of one file, and a plot of each against its target over commits."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from lightweight_ssd.benchmark.record import Record, reached
from lightweight_ssd.runs.environment import environment
from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["Line", "append_history", "plot_history", "read_history"]

_COLUMNS = 3  # of the plot
_TITLE = 52  # letters in a line of a title
_SIGNS = {"<=": "≤", ">=": "≥"}


class Line(NamedTuple):
    """One measurement.

    Attributes:
        date: UTC, to the minute.
        commit: First ten digits; followed by `+` where the sources had changes that were not committed.
        benchmark: Name of the command.
        what: What was measured.
        beside: The peer or the limit; empty where there is none.
        unit: Of both values.
        ours: Our value.
        theirs: The other one's; None where there is none.
        relation: `>=` or `<=` of the target; empty without one.
        of: What the target is of: `ratio` (ours ÷ theirs) or `ours`.
        target: Its bound.
        reached: Whether it is.
    """

    date: str
    commit: str
    benchmark: str
    what: str
    beside: str
    unit: str
    ours: float
    theirs: float | None
    relation: str
    of: str
    target: float | None
    reached: bool | None

    @property
    def value(self) -> float | None:
        """What is compared with the target."""
        if self.of != "ratio":
            return self.ours
        return self.ours / self.theirs if self.theirs else None


def append_history(path: Path, record: Record) -> None:
    """Appends the measurements of a run.

    Args:
        path: CSV file; made, with its folder, where it does not exist.
        record: Of a benchmark.
    """
    about = environment()
    commit = (about["commit"] or "unknown")[:10] + ("+" if about["uncommitted_changes"] else "")
    lines = []
    for each in record.measurements:
        target = ("", "", None) if each.target is None else (each.target.relation, each.target.of, each.target.value)
        lines.append(
            Line(
                f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
                commit,
                record.name,
                each.what,
                each.beside,
                each.unit,
                each.ours,
                each.theirs,
                *target,
                reached(each),
            )
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, _text([*(read_history(path) if path.exists() else []), *lines]).encode())


def read_history(path: Path) -> list[Line]:
    """All lines, the oldest first.

    Raises:
        ValueError: It is no such file.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_line(row) for row in csv.DictReader(file)]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected the lines of `lssd benchmark` in {path} but got something else; move it away."
        ) from error


def plot_history(lines: Sequence[Line], path: Path) -> None:
    """Draws each value that has a target over the commits, beside the target.

    Args:
        lines: The oldest first.
        path: PNG to write; its folder exists.
    """
    from lightweight_ssd.plots.style import ACCENT, MAIN, new_figure, save, style_axes

    series: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if line.target is not None and line.value is not None:
            series.setdefault((line.benchmark, line.what, line.beside), []).append(line)
    rows = max(-(-len(series) // _COLUMNS), 1)
    figure = new_figure(4.2 * _COLUMNS, 2.4 * rows + 0.6, "Benchmarks against their targets, by commit")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for place, (names, known) in zip(axes, series.items(), strict=False):
        style_axes(place, "", grid="y")
        place.set_title(_title(*names), fontsize=8, loc="left")
        places = range(len(known))
        place.plot(places, [line.value for line in known], "o-", color=MAIN, markersize=4)  # pyright: ignore[reportArgumentType]
        target = float(known[-1].target or 0)
        place.axhline(target, linestyle="--", color=ACCENT, linewidth=1)
        place.set_ylim(bottom=0, top=1.15 * max(target, *(line.value or 0 for line in known)))
        place.set_xticks(places, [line.commit[:7] for line in known], rotation=45, ha="right", fontsize=7)
        unit, relation = "ratio" if known[-1].of == "ratio" else known[-1].unit, known[-1].relation
        place.set_ylabel(f"{unit} ({_SIGNS.get(relation, relation)} {target:g})", fontsize=8)
    for place in axes[len(series) :]:
        place.set_axis_off()
    save(figure, path)


def _title(name: str, what: str, beside: str) -> str:
    """Two or three lines of the width of a plot."""
    from lightweight_ssd.plots.style import plain_text

    lines = [*wrap(f"{name}: {what}", _TITLE), *(wrap(f"beside {beside}", _TITLE) if beside else [])]
    return "\n".join(plain_text(line) for line in lines)


def _text(lines: Sequence[Line]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(Line._fields)
    writer.writerows(["" if value is None else value for value in line] for line in lines)
    return written.getvalue()


def _line(row: dict[str, Any]) -> Line:
    number = {name: float(row[name]) if row[name] else None for name in ("theirs", "target")}
    met = {"True": True, "False": False, "": None}[row["reached"]]
    return Line(**{**row, **number, "ours": float(row["ours"]), "reached": met})
