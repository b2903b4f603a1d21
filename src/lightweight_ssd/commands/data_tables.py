"""What `lssd data show` says of a data set: classes, sizes, anchors, and what to do about them."""

import math
from collections.abc import Sequence

from rich.text import Text

from lightweight_ssd.commands.result_tables import empty_table, text_of
from lightweight_ssd.curation.box_statistics import BoxStatistics, GroupOfBoxes
from lightweight_ssd.system.plain_text import printable

__all__ = ["statistics_text"]


def statistics_text(counted: BoxStatistics) -> str:
    """Two tables, one line on the anchors, and one on what fitted anchors would do.

    Args:
        counted: Of a split.
    """
    return "\n\n".join(
        [
            _table("class", [*counted.classes, counted.total]),
            _table("size at the input", counted.sizes),
            _anchors(counted),
        ]
    )


def _table(first: str, groups: Sequence[GroupOfBoxes]) -> str:
    heads = ("boxes", "images", "median px", "no anchor", "%", "anchors=auto %")
    table = empty_table(first, *heads)
    for one in groups:
        shares = (_percent(one.unmatched, one.boxes), _percent(one.unmatched_fitted, one.boxes))
        side = "-" if math.isnan(one.side) else f"{one.side:.0f}"
        counts = (f"{one.boxes:,}", f"{one.images:,}", side, f"{one.unmatched:,}")
        table.add_row(Text(printable(one.name)), *counts, *shares)
    return text_of(table)


def _anchors(counted: BoxStatistics) -> str:
    height, width = counted.input_size
    scales = [scale * min(counted.input_size) for level in counted.anchors for scale, _ in level]
    total = counted.total
    lines = [
        f"{counted.images:,} images, {counted.empty_images:,} without boxes; {total.boxes:,} boxes at {width}×{height}",
        f"anchors: {len(scales)} shapes on {len(counted.anchors)} levels, from {min(scales):.0f} to {max(scales):.0f} "
        f"px; {total.unmatched:,} boxes ({_percent(total.unmatched, total.boxes)} %) have no anchor with an IoU of "
        "0.5: each of them is learned by one anchor at most",
    ]
    if counted.is_fit_worth_it:
        less = _percent(total.unmatched_fitted, total.boxes)
        lines.append(f"anchors=auto fits the anchors to these boxes and leaves {less} %: lssd train … anchors=auto")
    elif total.boxes:
        less = _percent(total.unmatched_fitted, total.boxes)
        lines.append(f"anchors=auto would leave {less} %, so the anchors are well as they are")
    return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"
