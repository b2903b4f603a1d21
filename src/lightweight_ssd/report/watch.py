"""A report that follows runs while they go on: served to this machine, rebuilt whenever a run has written something."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from lightweight_ssd.config.arguments import Count, Natural, Port, Seconds, checked
from lightweight_ssd.report.build import Report, Runs, build_report, run_roots
from lightweight_ssd.report.server import rebuild_on_change, serve
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["watch_report"]


@checked
def watch_report(
    runs: Runs = (),
    output: Path = Path("report"),
    baseline: str | None = None,
    resamples: Count = 1000,
    seed: Natural = 0,
    images: Path | None = None,
    max_images: Natural = 24,
    workers: Count | None = None,
    port: Port = 8765,
    every: Seconds = 5,
    progress: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Builds the report, serves it, and builds it again on changes until `stop` is set or Ctrl-C is pressed.

    An error, such as a file that is half written, is reported once; the next change tries again.

    Args:
        runs: As for `build_report`, like all arguments down to `workers`; folders that do not exist yet are waited for.
        output: Folder that is served.
        baseline: Label or id of a row.
        resamples: Of the test images.
        seed: Of the resamples.
        images: Folder of image files.
        max_images: In the page.
        workers: Processes.
        port: Where the page is served, on this machine only.
        every: Time between two looks at the runs.
        progress: Called with a line for the address and after each build.
        warn: Called with a sentence for each new error of a build.
        stop: Ends the watch.

    Raises:
        ValueError: If the port is taken, the output cannot be written, or an argument is out of its range.
    """
    output, say = make_output_folder(output), progress or (lambda line: None)
    drawn: set[str] | None = None

    def build() -> None:
        nonlocal drawn
        settings = (runs, output, baseline, resamples, seed, images, max_images, workers)
        report = build_report(*settings, plots=False, live=True)
        write_json(output / "version.json", {"version": report.payload["version"]})
        drawn = _draw(report, drawn)
        say(f"{time.strftime('%H:%M:%S')}  {_states(report)}")

    roots = run_roots(runs)
    with serve(output, port) as address:
        say(f"watching {', '.join(roots)}; the page is at {address} (Ctrl-C ends)")
        try:
            rebuild_on_change(build, roots, every, stop or threading.Event(), warn or (lambda sentence: None))
        except KeyboardInterrupt:
            say(f"\nended; the report stays in {output}")


def _draw(report: Report, drawn: set[str] | None) -> set[str]:
    """Draws the plots where other runs have finished since; they show finished runs only."""
    finished = {run["id"] for run in report.payload["runs"] if run["state"] == "finished"}
    if finished != drawn:
        from lightweight_ssd.report.plot_files import write_plots  # matplotlib takes half a second to import

        write_plots(report.payload, report.plots)
    return finished


def _states(report: Report) -> str:
    """How many runs are in each state, such as `2 finished, 1 running`."""
    return ", ".join(f"{count} {state}" for state, count in report.payload["states"].items() if count)
