"""The label files of images in YOLO's format, read to their end whatever is wrong in them."""

from collections.abc import Iterator, Sequence
from functools import partial

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.formats.yolo_images import LabeledImage
from lightweight_ssd.data.formats.yolo_split import YOLORules, parse_image
from lightweight_ssd.data.formats.yolo_validation import LabelFaultKind
from lightweight_ssd.system.parallel import each_file

__all__ = ["check_labels"]

_KINDS = {
    LabelFaultKind.MALFORMED: Kind.MALFORMED,
    LabelFaultKind.UNKNOWN_CLASS: Kind.UNKNOWN_CLASS,
    LabelFaultKind.BOX_NOT_NUMBERS: Kind.BOX_NOT_NUMBERS,
    LabelFaultKind.BOX_INVERTED: Kind.BOX_INVERTED,
    LabelFaultKind.BOX_OUTSIDE: Kind.BOX_OUTSIDE,
    LabelFaultKind.BOX_WITHOUT_AREA: Kind.BOX_WITHOUT_AREA,
}


def check_labels(
    entries: Sequence[LabeledImage], rules: YOLORules, splits: Sequence[str], num_threads: int = 4
) -> Iterator[Problem | ListedImage]:
    """Yields every problem of the label files, and every image.

    Args:
        entries: The images with their label files.
        rules: By what they are read.
        splits: What they are used for: `train`, `val`, `test`.
        num_threads: Label files read at once.
    """
    work = partial(parse_image, rules=rules)
    reports = each_file(work, entries, num_threads, "labels", "threads")
    for entry, (size, parsed) in zip(entries, reports, strict=True):
        yield ListedImage(str(entry.image), size, frozenset(splits))
        for fault in parsed.faults:
            yield Problem(_KINDS[fault.kind], ", ".join(splits), str(entry.label), fault.detail)
