"""`lssd report`: compares runs from their folders alone: tables with confidence intervals, plots, and one page."""

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import Port, Seconds, call, checked
from lightweight_ssd.config.overrides import hydra_arguments
from lightweight_ssd.system.plain_text import printable

if TYPE_CHECKING:
    from lightweight_ssd.report.build import Report

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd report`."""
    sys.argv[1:] = hydra_arguments(sys.argv[1:])
    run_application(_run, "report", "lssd report")


def _run(cfg: DictConfig) -> None:
    call(_report, cfg)


@checked
def _report(watch: bool = False, port: Port = 8765, every: Seconds = 5, **settings: Any) -> None:
    """Builds the report once, or until Ctrl-C; `settings` are the arguments of `build_report`."""
    if watch:
        from lightweight_ssd.report.watch import watch_report

        watch_report(**settings, port=port, every=every, progress=partial(print, flush=True), warn=_warn)
    else:
        from lightweight_ssd.report.build import build_report

        _print_summary(build_report(**settings, progress=partial(print, file=sys.stderr)))


def _warn(sentence: str) -> None:
    print(f"lssd report: {sentence}", file=sys.stderr, flush=True)


_NOTES = 5  # printed; the others stand on the page


def _print_summary(report: "Report") -> None:
    from lightweight_ssd.report.console_table import short_table

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(short_table(report.payload, width) if report.rows else "No run has finished yet.")
    if said := report.payload["left_out_line"]:
        print(f"\n{said} The page and {report.markdown} name them.")
    for place, note in enumerate(report.notes[:_NOTES]):
        print(("" if place else "\n") + f"note: {printable(note)}")
    if len(report.notes) > _NOTES:
        print(f"      {len(report.notes) - _NOTES} more notes in {report.markdown}")
    print(f"\npage:     {report.page}\ntables:   {report.markdown}, {report.rows_csv.name}, {report.runs_csv.name}")
    print(f"plots:    {report.plots}")
