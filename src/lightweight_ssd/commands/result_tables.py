"""The tables that `lssd train` and `lssd evaluate` end with."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lightweight_ssd.runs.files import PICTURES, RESULTS_FILE
from lightweight_ssd.runs.results import COCOMetrics, SplitMetrics
from lightweight_ssd.system.plain_text import printable

__all__ = ["coco_table", "empty_table", "metrics_table", "print_metrics", "text_of"]

_PRECISION = {
    "@[.5:.95]": "ap", "@0.5": "ap_50", "@0.75": "ap_75", "small": "ap_small", "medium": "ap_medium",
    "large": "ap_large",
}  # fmt: skip
_RECALL = {
    "top 1": "ar_1", "top 10": "ar_10", "top 100": "ar_100", "small": "ar_small", "medium": "ar_medium",
    "large": "ar_large",
}  # fmt: skip


def print_metrics(metrics: SplitMetrics, folder: Path, split: str = "test", chosen_on_it: bool | None = None) -> None:
    """Prints AP per class, COCO's metrics where they were computed, and where everything else lies.

    Args:
        metrics: To print.
        folder: With everything else.
        split: Whose metrics they are.
        chosen_on_it: Whether the checkpoint was chosen by its mAP on images of the split; mAP then has a †.
    """
    print(metrics_table(metrics, split, " †" if chosen_on_it else ""))
    if chosen_on_it:
        print("† the checkpoint was chosen by its mAP on these images, or on some of them")
    if metrics.coco:
        print(f"\n{coco_table(metrics.coco, split)}")
    print(f"\npictures:  {folder / PICTURES}\nresults:   {folder / RESULTS_FILE}")


def metrics_table(metrics: SplitMetrics, split: str = "test", mark: str = "") -> str:
    """AP per class and its means on a split, in percent; the last column is COCO's AP where it was computed.

    Args:
        metrics: Of the split.
        split: Its name.
        mark: What follows the name of the means.
    """
    table = empty_table(
        f"{split} AP in %", "objects", "AP@0.5", "11-point", "AP@[.5:.95]", *(["COCO AP"] if metrics.coco else [])
    )
    by_coco = (metrics.coco and metrics.coco.per_class) or {}
    per_class = metrics.per_class or {}
    for name, one in per_class.items():
        coco = [by_coco[name].ap if name in by_coco else None] if metrics.coco else []
        _add(table, name, one.objects, (one.ap_50, one.ap_50_11point, one.ap_50_95, *coco))
    means = (metrics.map_50, metrics.map_50_11point, metrics.map_50_95, *([metrics.coco.ap] if metrics.coco else []))
    _add(table, f"{split} mAP{mark}", sum(one.objects or 0 for one in per_class.values()), means)
    return text_of(table)


def coco_table(metrics: COCOMetrics, split: str = "test") -> str:
    """COCO's twelve metrics on a split, in percent: precision and recall, over all objects and by their size."""
    tables = []
    for name, columns in (("AP", _PRECISION), ("AR", _RECALL)):
        table = empty_table(f"{split} COCO {name} in %", *columns, width=9)
        table.add_row("", *(_percent(getattr(metrics, column)) for column in columns.values()))
        tables.append(text_of(table))
    return "\n".join(tables)


def empty_table(first: str, *heads: str, width: int | None = None) -> Table:
    """An empty table without lines; the first column holds names, the others numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head.replace("[", r"\["), justify="right", no_wrap=True, min_width=width)
    return table


def _add(table: Table, name: str, objects: int | None, shares: Sequence[float | None]) -> None:
    table.add_row(Text(printable(name)), str(objects or 0), *map(_percent, shares))


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def text_of(table: Table) -> str:
    """As wide as it is, whatever the terminal; a name is never cut."""
    console = Console(file=io.StringIO(), width=1000, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
