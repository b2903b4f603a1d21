"""Where the boxes of VOC annotation files count from: pixels from 1, as VOC does, or edges of pixels from 0.

VOC's own files count pixels from 1, and a box's last pixel belongs to it. Most tools that write the format put the
edges of pixels there instead, from 0. A wrong guess moves every left and top edge by a pixel, so it is decided for all
splits of a data set together, from what the files say, and the reason is kept as a note.

What tools write, by their public sources: supervision 0.31.2 counts from 1 and writes the folder `VOC` and the database
`roboflow.ai` (its first versions wrote the same mark and counted from 0). Datumaro 1.13.12 (unless asked for
`--coordinate-mode voc-one-based`), globox 2.9.0, Label Studio 2.1.2, FiftyOne 1.22.1, pylabel 0.1.55 and labelImg 1.8.6
count from 0; labelImg writes 1 for a corner at 0, and its mark is the database `Unknown`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.data.formats.voc_files import ListEntry
from lightweight_ssd.data.formats.voc_scan import Scan, genuine_folders, scan

__all__ = ["ORIGINS", "Origin", "check_origin", "decide_origin", "judge"]

ORIGINS = ("auto", 0, 1)

_RARE = 20  # so many corners at 1 for each below it: the few are mistakes
_SHARE = 0.005  # of corners that must be at 1 to say anything; of photographs more objects touch an edge


class Origin(NamedTuple):
    """Where boxes count from.

    Attributes:
        value: 0 or 1.
        note: One line for the user: what was decided and from what; empty where there are no boxes.
        genuine: Folders of XML files of the VOC challenge, which count from 1 whatever the others do.
    """

    value: int
    note: str = ""
    genuine: frozenset[Path] = frozenset()

    def of(self, annotation: Path) -> int:
        """Of one XML file."""
        return 1 if annotation.parent in self.genuine else self.value


def check_origin(setting: Any) -> str | int:
    """The setting `data.origin` as one of `ORIGINS`.

    Raises:
        ValueError: It is something else.

    Example:
        >>> check_origin("auto"), check_origin(0), check_origin("1")
        ('auto', 0, 1)
    """
    by_text = {str(one): one for one in ORIGINS}
    if isinstance(setting, bool) or str(setting) not in by_text:
        raise ValueError(
            f"Expected data.origin to be auto, 0 or 1, but got {setting!r}: give 1 where pixels count from 1 as in "
            "VOC's own files, or 0."
        )
    return by_text[str(setting)]


def decide_origin(entries: Sequence[ListEntry], setting: str | int = "auto", num_threads: int = 4) -> Origin:
    """Decides for all splits of a data set together.

    Args:
        entries: Of all splits; some may stand there more than once.
        setting: `auto`, or 0 or 1, which nothing overrules.
        num_threads: Files read at once.
    """
    if (chosen := check_origin(setting)) != "auto":
        return Origin(int(chosen), f"boxes count from {chosen}: data.origin says so")
    genuine = genuine_folders(entries)
    paths = [entry.annotation for entry in entries if entry.annotation is not None]
    others = [path for path in paths if path.parent not in genuine]
    if not others:
        note = "boxes count from 1 in the files with the mark of the VOC challenge"
        return Origin(1, note if genuine else "", genuine)
    decided = judge(scan(others, num_threads))
    more = "; files with the mark of the VOC challenge count from 1" if genuine and decided.note else ""
    return decided._replace(note=f"{decided.note}{more}", genuine=genuine)


def judge(found: Scan) -> Origin:
    """The decision from counts over files; strong evidence first.

    Example:
        >>> judge(Scan(files=2, with_objects=2, corners=8, below_one=2)).value
        0
    """
    corners = f"of {found.corners:,} left and top edges"
    if not found.corners:
        return Origin(1 if found.ours else 0)
    if found.ours == found.with_objects:
        return Origin(1, "boxes count from 1: the files have the mark of lightweight-ssd")
    if found.below_one and found.at_one <= _RARE * found.below_one:
        return _from_zero(f"{found.below_one:,} {corners} {_are(found.below_one)} below 1")
    if 2 * found.supervision >= found.with_objects:
        return _from_one(f"{found.supervision:,} of {found.with_objects:,} files have the mark of supervision")
    if 2 * found.ours >= found.with_objects:
        return _from_one(f"{found.ours:,} of {found.with_objects:,} files have the mark of lightweight-ssd")
    if found.like_ours == found.with_objects and not found.below_one:
        return _from_one("the files are written as earlier versions of lightweight-ssd wrote them")
    clamped = 2 * found.clamped >= found.with_objects
    if not clamped and found.at_one >= max(2, _SHARE * found.corners):
        below = f"{found.below_one:,} {_are(found.below_one)}" if found.below_one else "none is"
        return _from_one(f"{found.at_one:,} {corners} {_are(found.at_one)} exactly 1 and {below} below")
    if found.decimals:
        return _from_zero(f"{found.decimals:,} corners have decimals, which VOC's own do not")
    if clamped and found.at_one:
        return _from_zero("the files have the mark of labelImg, which does")
    return _from_zero("nothing in the files says otherwise, and most tools do")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _from_zero(reason: str) -> Origin:
    return Origin(0, f"boxes count from 0: {reason}; data.origin=1 if they count from 1")


def _from_one(reason: str) -> Origin:
    return Origin(1, f"boxes count from 1: {reason}; data.origin=0 if they count from 0")
