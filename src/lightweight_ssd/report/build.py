"""From run folders to everything that `lssd report` writes, for the shell, Python and notebooks alike."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightweight_ssd.config.arguments import Count, Natural, checked
from lightweight_ssd.report.comparison import Comparison, compare
from lightweight_ssd.report.left_out import folders_left_out
from lightweight_ssd.report.page.html import write_page
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.report.rows import Row
from lightweight_ssd.report.tables import markdown_report, rows_csv, runs_csv
from lightweight_ssd.runs.record import find_runs
from lightweight_ssd.sweeps.notes import sweep_notes
from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["Report", "Runs", "build_report", "run_roots"]

Runs = str | Path | Sequence[str | Path]
"""Folders of runs, searched below; none stands for `runs`."""


class Report(NamedTuple):
    """A report: the files that were written, and the comparison in them.

    Attributes:
        page: One HTML file that opens from disk.
        markdown: The tables to read, `report.md`.
        rows_csv: One line per row, `report.csv`; shares from 0 to 1, hours, milliseconds.
        runs_csv: One line per run, `runs.csv`.
        plots: Folder of the plots, each as PNG and SVG.
        comparison: Rows with their confidence intervals and differences to a baseline.
        payload: All content of the page and the tables as plain containers.
    """

    page: Path
    markdown: Path
    rows_csv: Path
    runs_csv: Path
    plots: Path
    comparison: Comparison
    payload: dict[str, Any]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that have a finished run, as in the table; the runs of a row differ in the seed only."""
        return self.comparison.rows

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader needs to know before comparing rows, a sentence each."""
        return tuple(self.payload["notes"])


@checked
def build_report(
    runs: Runs = (),
    output: Path = Path("report"),
    baseline: str | None = None,
    resamples: Count = 1000,
    seed: Natural = 0,
    images: Path | None = None,
    max_images: Natural = 24,
    workers: Count | None = None,
    plots: bool = True,
    live: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Reads runs from their folders, compares them, and writes a page, tables and plots. No model is run.

    Args:
        runs: Folders of runs, searched below; several where they were copied together; none stands for `runs`.
        output: Folder for index.html, report.md, report.csv, runs.csv, plots/ and cache/.
        baseline: Label or id of the row that all others are compared with; None for one per experiment and scale: the
            row that is marked as baseline, else the first; only rows with a finished run count.
        resamples: Resamples of the test images behind each 95 % confidence interval.
        seed: Of the resamples.
        images: Folder to search for test images by name; None for where they lay when the run was measured.
        max_images: Images in the page on which rows differ most, at most.
        workers: Processes that analyze many large runs; None for one per core.
        plots: Whether to draw the plots, which takes longer than all the rest where no run is new.
        live: Whether the page is served and polls for newer versions of itself.
        progress: Called with a line for each run that has to be analyzed.

    Raises:
        ValueError: If there are no runs, no row has the baseline's name, or an argument is out of its range.
        FileNotFoundError: If a folder of runs does not exist.
        NotWritten: If the disk is full.
    """
    if images and not images.is_dir():
        raise ValueError(f"Expected a folder of image files but there is none at images={images}; name one.")
    roots = run_roots(runs)
    unlisted: list[OSError] = []
    found = find_runs(roots, unlisted)
    if not found:
        hidden = "".join(f" ({str(each.reason).rstrip('.')})" for each in folders_left_out(unlisted)[:1])
        raise ValueError(
            f"Expected runs in {', '.join(roots)} but found none{hidden}; name a folder that lssd train wrote to."
        )
    output = make_output_folder(output)
    comparison = compare(
        found, output / "cache", baseline, resamples, seed, tell=progress or (lambda line: None), workers=workers
    )
    payload = build_payload(comparison, max_images, images, live, sweep_notes(roots, found), unlisted)
    payload["version"] = str(time.time_ns())
    report = Report(
        output / "index.html", output / "report.md", output / "report.csv", output / "runs.csv", output / "plots",
        comparison, payload,
    )  # fmt: skip
    _write(report, plots)
    return report


def run_roots(runs: Runs) -> list[str]:
    """The folders as text; `["runs"]` where none was given."""
    return [str(each) for each in ([runs] if isinstance(runs, str | Path) else runs)] or ["runs"]


def _write(report: Report, plots: bool) -> None:
    for path, text in (
        (report.markdown, markdown_report), (report.rows_csv, rows_csv), (report.runs_csv, runs_csv),
    ):  # fmt: skip
        write_atomic(path, text(report.payload).encode(), shared=True)
    if plots:
        from lightweight_ssd.report.plot_files import write_plots  # matplotlib takes half a second to import

        write_plots(report.payload, report.plots)
    write_page(report.page, report.payload)
