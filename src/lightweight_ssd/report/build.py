"""From run folders to everything that `lssd report` writes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightweight_ssd.report.comparison import compare
from lightweight_ssd.report.page.html import write_page
from lightweight_ssd.report.payload import build_payload
from lightweight_ssd.report.plot_files import write_plots
from lightweight_ssd.report.tables import markdown_report, rows_csv, runs_csv
from lightweight_ssd.runs.record import find_runs
from lightweight_ssd.sweeps.notes import sweep_notes
from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["build_report", "run_roots"]


def build_report(
    config: dict[str, Any], tell: Callable[[str], None] = lambda line: None, pictures: bool = True
) -> dict[str, Any]:
    """Reads the runs, compares them and writes everything.

    Args:
        config: As composed from `conf/report.yaml`, plain containers.
        tell: Called with a line for each run that has to be analysed.
        pictures: Whether to draw the figures, which takes longer than all the rest if nothing new is to be analysed.

    Returns:
        The page's payload.

    Raises:
        ValueError, FileNotFoundError: If there are no runs, no row of the baseline's name, or no place to write.
    """
    roots = run_roots(config)
    runs = find_runs(roots)
    if not runs:
        raise ValueError(f"Expected runs in {', '.join(roots)} but found none; name a folder that lssd train wrote to.")
    output = make_output_folder(config["output"])
    settings = {key: config[key] for key in ("baseline", "resamples", "seed", "workers")}
    comparison = compare(runs, output / "cache", tell=tell, **settings)
    images = Path(config["images"]) if config["images"] else None
    payload = build_payload(comparison, config["max_images"], images, config["watch"], sweep_notes(roots, runs))
    payload["version"] = str(time.time_ns())
    for name, text in {"report.md": markdown_report, "report.csv": rows_csv, "runs.csv": runs_csv}.items():
        write_atomic(output / name, text(payload).encode(), shared=True)
    if pictures:
        write_plots(payload, output / "plots")
    write_page(output / "index.html", payload)
    return payload


def run_roots(config: dict[str, Any]) -> list[str]:
    """The folders of runs that were named, or `runs`."""
    runs = config["runs"]
    return [str(each) for each in ([runs] if isinstance(runs, str) else runs)] or ["runs"]
