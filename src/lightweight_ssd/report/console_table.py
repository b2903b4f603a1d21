"""The table that `lssd report` prints: no wider than the terminal, with labels cut where they must be."""

import io
from typing import Any

from lightweight_ssd.report.number_format import share
from lightweight_ssd.report.tables import DIFFERENCE, TEST_MAP, sections, seeds, vs_baseline

__all__ = ["short_table", "shortened"]

_NARROWEST = 76  # columns: all numbers and 16 letters of a label; a narrower terminal breaks the lines itself
_NUMBERS = 60  # columns that the other cells take, at most
_USUAL = 120  # columns where the output is no terminal


def short_table(payload: dict[str, Any], width: int | None = None) -> str:
    """Rows, seeds, test mAP and the difference to the baseline: a block for each experiment.

    Args:
        payload: As `payload.build_payload` gives it.
        width: Columns of the terminal; None where the output is none.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    text, width = io.StringIO(), max(width or _USUAL, _NARROWEST)
    console = Console(file=text, width=width, color_system=None)
    blocks = list(sections(payload))
    for name, rows in blocks:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
        for head in ("row", "seeds", TEST_MAP, DIFFERENCE):
            table.add_column(head, no_wrap=True, overflow="ellipsis")
        for row, label in zip(rows, shortened([row["label"] for row in rows], width - _NUMBERS), strict=True):
            mark = " †" if row["chosen_on_test"] else ""
            table.add_row(*map(Text, (label, seeds(row), share(row, "map_50") + mark, vs_baseline(row))))
        if len(blocks) > 1:
            console.print(Text(f"\n{name}" if text.tell() else name))
        console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def shortened(labels: list[str], longest: int) -> list[str]:
    """Labels with their middle left out where they are too long; those that become equal are numbered.

    Example:
        >>> shortened(["neck=fpn image_size=64", "short"], 12)
        ['neck=f…ze=64', 'short']
    """
    cut, seen = [], {}
    for label in labels:
        short = (
            label if len(label) <= longest else f"{label[: longest // 2]}…{label[len(label) - (longest - 1) // 2 :]}"
        )
        seen[short] = seen.get(short, 0) + 1
        cut.append(short if seen[short] == 1 else f"{short[: longest - 4]} #{seen[short]}")
    return cut
