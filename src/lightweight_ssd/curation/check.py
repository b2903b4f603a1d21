"""Everything that is wrong with a data set, in one table and one file."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.curation.source import Data, data_source
from lightweight_ssd.data.checks.dataset import check_source
from lightweight_ssd.data.checks.problems import NOTES, SKIPPED, Findings, Kind, Problem
from lightweight_ssd.data.layouts.assignment import describe_assignment
from lightweight_ssd.data.layouts.source import LayoutSource
from lightweight_ssd.data.summary import describe_splits
from lightweight_ssd.system.output_folder import make_output_folder
from lightweight_ssd.system.plain_text import from_cell, printable
from lightweight_ssd.types import SPLITS

__all__ = ["DataCheck", "data_check"]


@dataclass(frozen=True)
class DataCheck:
    """What was found in a data set; printed, it is the table that `lssd data check` shows.

    Attributes:
        images: Images read, by split.
        findings: Counts and the first problems of each kind.
        decoded: Whether all pixels were decoded, too.
        classes: A line on the classes that were chosen; empty where all are used.
        summary: What reading decided, and what each split that can be read has: a line each.
    """

    images: Mapping[str, int]
    findings: Findings
    decoded: bool
    classes: str = ""
    summary: tuple[str, ...] = ()

    @property
    def output(self) -> Path:
        """The CSV file with the whole list."""
        return self.findings.output

    @property
    def counts(self) -> dict[Kind, int]:
        """Problems by kind; a `Kind` is text, such as `unknown class`."""
        return dict(self.findings.counts)

    @property
    def errors(self) -> int:
        """Number of problems that stop training or make its metrics wrong."""
        return self.findings.errors

    @property
    def notes(self) -> int:
        """Number of problems that training copes with."""
        return self.findings.notes

    def problems(self) -> Iterator[Problem]:
        """All of them, read from the file one by one: a large set can have a hundred thousand."""
        with self.output.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for row in csv.DictReader(file):
                yield Problem(Kind(row["kind"]), row["split"], from_cell(row["file"]), from_cell(row["detail"]))

    def __str__(self) -> str:
        """How much was read, the table, the first error of each kind, and what to do."""
        counts = ", ".join(f"{split} {count:,}" for split, count in self.images.items())
        totals = f"{_count(self.errors, 'error')}, {_count(self.notes, 'note')}"
        headers = "" if self.decoded else " (headers only; decode=true finds damaged pixels, too)"
        blocks = [
            "\n".join(filter(None, [f"images read: {counts}{headers}", self.classes, *self.summary])),
            self.findings.table(),
            self.findings.examples(),
            "\n".join([f"{totals}; the whole list: {self.output}", *_advice(self.findings)]),
        ]
        return "\n\n".join(block for block in blocks if block)


@checked
def data_check(
    data: Data = "voc",
    decode: bool = False,
    output: Path = Path("problems.csv"),
    workers: Count | None = None,
    **settings: Any,
) -> DataCheck:
    """Looks for everything that is wrong with a data set: every annotation and every image file of all splits.

    Errors stop training or make its metrics wrong; notes are worth a look. No PyTorch is loaded.

    Args:
        data: Name of the data set, `folder`, `voc`, `coco`, `yolo` or `shapes`; or what else `data_source` takes.
        decode: Also decode every image as training does, which takes ten times as long and finds damaged pixels.
        output: CSV file for the whole list; its folder is made where missing.
        workers: Processes that read images; None = one per core.
        settings: Of the data set, as `data_source` takes them: `root="VOCdevkit"`.

    Raises:
        ValueError: A setting does not fit, or the output cannot be written. What is wrong with the data is no error.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     check = data_check("shapes_tiny", root=folder, output=f"{folder}/problems.csv", workers=1)
        >>> check.errors
        0
    """
    if output.is_dir():
        raise ValueError(
            f"Expected a file for output=… but {output} is a folder; give output={output / 'problems.csv'}."
        )
    source = data_source(data, **settings)
    classes = _chosen_classes(source)
    file = make_output_folder(output.parent) / output.name  # known to be writable before hours of reading
    with Findings(file) as findings:
        images = check_source(source, findings, decode, workers)
    return DataCheck(images, findings, decode, classes, _summary(source))


def _summary(source: Any) -> tuple[str, ...]:
    """Of the splits that can be read; of a folder where none can, what was recognized and how it is divided."""
    splits = {}
    for split in SPLITS:
        with suppress(ValueError, OSError):
            splits[split] = source.annotations(split)
    lines = describe_splits(splits)
    if not splits and isinstance(source, LayoutSource):
        with suppress(ValueError, OSError):  # the layout itself may be what is wrong
            lines = list(filter(None, [source.layout.text, describe_assignment(source.assigned)]))
    return tuple(map(printable, lines))


def _chosen_classes(source: Any) -> str:
    """A line on them; nothing where the file that has the names is wrong, which is told among the problems.

    Raises:
        ValueError: A chosen class is not among the data set's.
    """
    try:
        known = source.all_class_names
    except (AttributeError, ValueError, OSError):  # of a source that `check_source` does not know, or of its file
        return ""
    source.selection.names(known)
    return source.selection.describe(known)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}" if number else f"no {word}s"


def _advice(findings: Findings) -> list[str]:
    errors = [kind for kind in findings.counts if kind not in NOTES]
    stubborn = ", ".join(kind for kind in errors if kind not in SKIPPED)
    advice = []
    if not SKIPPED.isdisjoint(errors):
        advice.append("Correct these files, or let training leave their images out: data.on_bad=skip.")
    if Kind.UNKNOWN_CLASS in errors:
        advice.append("To train on some classes only, let data.class_names list all, and choose with data.classes=[…].")
    if stubborn:
        advice.append(f"Correct this in any case, since data.on_bad=skip does not help: {stubborn}.")
    return advice
