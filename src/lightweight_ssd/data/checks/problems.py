"""What can be wrong with a data set: the kinds, one finding, and a list that goes to a file while a table is kept.

A set of a hundred thousand images can have a hundred thousand findings. So each goes straight to the file, and only the
counts and the first files of each kind stay in memory.
"""

import csv
import tempfile
from collections import Counter, defaultdict
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from lightweight_ssd.system.plain_text import printable, spreadsheet_cell

__all__ = ["NOTES", "SKIPPED", "Findings", "Kind", "Problem"]

_NAMED_FILES = 3
_COLUMNS = ("severity", "kind", "split", "file", "detail")


class Kind(StrEnum):
    """What is wrong; errors stop training or make its metrics wrong, notes are worth a look."""

    # a whole list of images
    MISSING_SPLIT = "missing split"
    MALFORMED_FILE = "malformed file"
    EMPTY_SPLIT = "empty split"
    NO_OBJECTS = "no object that counts"
    TRAIN_AND_TEST = "image in train and test"
    REFUSED = "refused by training"
    # one entry of a list
    DUPLICATE_IMAGE = "duplicate image"
    DUPLICATE_ID = "duplicate id"
    UNKNOWN_IMAGE = "unknown image"
    # one annotation
    MISSING_ANNOTATION = "missing annotation"
    MALFORMED = "malformed annotation"
    DOCUMENT_TYPE = "document type declared"
    NO_SIZE = "no image size"
    UNKNOWN_CLASS = "unknown class"
    WRONG_FLAG = "wrong flag"
    BOX_NOT_NUMBERS = "box not numbers"
    BOX_INVERTED = "inverted box"
    BOX_WITHOUT_AREA = "box without area"
    BOX_OUTSIDE = "box outside image"
    # one image file
    MISSING_IMAGE = "missing image"
    UNREADABLE_IMAGE = "unreadable image"
    TRUNCATED_IMAGE = "truncated image"
    OTHER_SIZE = "size not as annotated"
    # what training copes with
    TRAIN_AND_VAL = "image in train and val"
    SAME_CONTENT = "same content twice"
    BOX_DROPPED = "box without area, dropped"
    FOUND_BY_NAME = "found by base name"
    SIZE_FROM_FILE = "size from image file"
    DECIDED = "decided by reading"
    DAMAGED_PIXELS = "damaged pixels"
    ROTATED = "EXIF rotation"
    GRAYSCALE = "grayscale image"
    CMYK = "CMYK image"
    SIXTEEN_BITS = "16-bit image"


_KINDS = list(Kind)
NOTES = frozenset(_KINDS[_KINDS.index(Kind.TRAIN_AND_VAL) :])
# Errors that `data.on_bad=skip` passes over by leaving images out.
SKIPPED = frozenset(_KINDS[_KINDS.index(Kind.DUPLICATE_IMAGE) : _KINDS.index(Kind.TRAIN_AND_VAL)])


class Problem(NamedTuple):
    """One finding.

    Attributes:
        kind: What is wrong.
        split: Where it was met: `train`, or `val, test` where both use the same list.
        file: The file that is wrong.
        detail: What stands in it.
    """

    kind: Kind
    split: str
    file: str
    detail: str = ""

    @property
    def severity(self) -> str:
        """`error` or `note`."""
        return "note" if self.kind in NOTES else "error"


class Findings:
    """Counts problems and writes each into a CSV file, which appears under its name when all are found.

    A context manager; an exception inside leaves an earlier file as it was.

    Args:
        output: The CSV file; its folder must exist.

    Attributes:
        counts: Problems by kind.
        first: The first problems of each kind, of different files.
    """

    def __init__(self, output: str | Path) -> None:
        self.output = Path(output)
        self.counts: Counter[Kind] = Counter()
        self.first: defaultdict[Kind, list[Problem]] = defaultdict(list)

    def __enter__(self) -> "Findings":
        # Names of files are bytes to the system: what is not UTF-8 in them is written as it is.
        self._file = tempfile.NamedTemporaryFile(  # closed on leaving
            "w", dir=self.output.parent, prefix=f".{self.output.name}-", delete=False,
            encoding="utf-8", errors="surrogateescape", newline="",
        )  # fmt: skip
        self._writer = csv.writer(self._file)
        self._writer.writerow(_COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        hidden = Path(self._file.name)
        try:
            self._file.close()
            if error is None:
                hidden.chmod(0o644)  # a temporary file is its owner's only
                hidden.replace(self.output)
        finally:
            hidden.unlink(missing_ok=True)

    def add(self, problem: Problem) -> None:
        """Counts and writes one problem."""
        self.counts[problem.kind] += 1
        first = self.first[problem.kind]
        if len(first) < _NAMED_FILES and problem.file not in {one.file for one in first}:
            first.append(problem)
        self._writer.writerow(map(spreadsheet_cell, (problem.severity, *problem)))

    @property
    def errors(self) -> int:
        """Number of problems that stop training or make its metrics wrong."""
        return sum(count for kind, count in self.counts.items() if kind not in NOTES)

    @property
    def notes(self) -> int:
        """Number of problems that training copes with."""
        return self.counts.total() - self.errors

    def table(self) -> str:
        """One line per kind, errors first: how many there are and the first files; empty where nothing is wrong."""
        if not self.counts:
            return ""
        found = [kind for kind in Kind if self.counts[kind]]
        width = max(map(len, found))
        rows = [("", "kind", "count", "first files")]
        rows += [
            ("note" if kind in NOTES else "error", kind, f"{self.counts[kind]:,}", self._files(kind)) for kind in found
        ]
        return "\n".join(
            f"{severity:<5}  {kind:<{width}}  {count:>9}  {files}" for severity, kind, count, files in rows
        )

    def examples(self) -> str:
        """The first error of each kind with what stands there, one line each."""
        shown = [self.first[kind][0] for kind in Kind if self.counts[kind] and kind not in NOTES]
        return "\n".join(f"{one.kind}: {printable(Path(one.file).name)}: {printable(one.detail)}" for one in shown)

    def _files(self, kind: Kind) -> str:
        names = [printable(Path(one.file).name) for one in self.first[kind]]
        return ", ".join([*names, "…"] if self.counts[kind] > len(names) else names)
