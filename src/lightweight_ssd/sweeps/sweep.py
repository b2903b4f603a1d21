"""What a sweep shows: a line per job while it runs, a table of all jobs at its end, an exit code that reports failures.

The jobs write their records into the sweep's folder, and a thread of the sweep's own process reads them there. So it is
the same whether they run one after the other, side by side, or on other machines that share the folder.
"""

import logging
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lightweight_ssd.config.monitors import check_monitors, check_objective
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.runs.content import not_content
from lightweight_ssd.runs.files import SWEEPS
from lightweight_ssd.runs.status import read_status
from lightweight_ssd.sweeps.launcher import ending_the_sweep, errors_are_handed_on, errors_are_printed, prepare_launcher
from lightweight_ssd.sweeps.record import FAILED_STATES, JobRecord, names, read_jobs, write_sweep
from lightweight_ssd.system.output_folder import make_output_folder
from lightweight_ssd.system.plain_text import printable
from lightweight_ssd.system.signals import INTERRUPTED_EXIT_CODE

__all__ = ["Announce", "progress_line", "reporting_sweep", "sweep_table"]

_PLACE = "hydra.sweep.dir="
_DECIDES_METRICS = {"experiment", "row", "scale", "objective", "coco_metric", "callbacks", "criterion"}


class Announce(Callback):
    """Gives every sweep a folder of its own and begins to show its jobs.

    Hydra makes one of these from `hydra.callbacks`. Launchers send it to their workers, so it holds nothing; what it
    begins is ended by `reporting_sweep`.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        with ending_the_sweep("lssd train: the sweep cannot begin"):
            self._start(config)

    def _start(self, config: DictConfig) -> None:
        prepare_launcher(config)
        planned, varied = _asked_for(config)
        errors_are_handed_on()
        given = [each for each in config.hydra.overrides.hydra if each.startswith(_PLACE)]
        if not given:
            name = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{uuid.uuid4().hex[:4]}"
            folder = Path(config.runs).absolute() / SWEEPS / name
            with read_write(config), open_dict(config):
                config.hydra.sweep.dir = str(folder)
                config.hydra.overrides.hydra.append(f"{_PLACE}{quoted(folder)}")
        if not {key.split(".")[0] for key in varied} & _DECIDES_METRICS:  # else each job is asked when it begins
            check_monitors(config)
            check_objective(config)
        make_output_folder(Path(config.hydra.sweep.dir), "runs")
        write_sweep(Path(config.hydra.sweep.dir), planned, not_content(varied))
        for name in ("hydra", "hydra_plugins"):  # their lines would repeat ours
            logging.getLogger(name).setLevel(logging.WARNING)
        _Display.current = _Display(Path(config.hydra.sweep.dir), planned)
        _Display.current.start()


@contextmanager
def reporting_sweep() -> Iterator[None]:
    """Ends a sweep that the block began, however the block ends: with the table and an honest exit code.

    Raises:
        SystemExit: With code 1 if a job failed, 130 after Ctrl-C.
    """
    stopped, error = False, None
    try:
        yield
    except KeyboardInterrupt:
        stopped = True
        if _Display.current is None:
            raise
    except Exception as raised:  # by the launcher or the sweeper: what a job raises is in its record
        error = raised
        if _Display.current is None:
            raise
    finally:
        errors_are_printed()
        display, _Display.current = _Display.current, None
        jobs = display.stop() if display else []
        if display and jobs:
            print(f"\n{sweep_table(jobs, display.planned)}\n\nsweep:   {display.sweep_dir}")
    if stopped:
        print("Stopped. The same command goes on where it was.", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE)
    failed = [job.state in FAILED_STATES for job in jobs]
    if error and not (failed and all(failed)):  # where all failed, Optuna complains that it has no best trial
        raise error
    if any(failed):
        raise SystemExit(1)


class _Display:
    """Shows the jobs: lines that are redrawn in a terminal, one line per change elsewhere."""

    current: "_Display | None" = None

    def __init__(self, sweep_dir: Path, planned: list[list[str]], every: float = 1.0) -> None:
        self.sweep_dir = sweep_dir
        self.planned = planned
        self.every = every
        self.console = Console(highlight=False)
        self.printed: dict[int, tuple[str, int]] = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True, name="sweep-display")

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> list[JobRecord]:
        self.done.set()
        self.thread.join()
        return read_jobs(self.sweep_dir)

    def _run(self) -> None:
        if not self.console.is_terminal:
            while not self.done.wait(self.every):
                self._print_changes()
            self._print_changes()
            return
        with Live(console=self.console, refresh_per_second=2, transient=True) as live:
            while not self.done.wait(self.every):
                live.update(self._lines(), refresh=True)

    def _lines(self) -> Table:
        table, jobs = Table.grid(padding=(0, 1)), read_jobs(self.sweep_dir)
        for job, name in zip(jobs, names(jobs, self.planned), strict=True):
            table.add_row(Text(progress_line(job, name, len(self.planned), _status(job)), overflow="ellipsis"))
        return table

    def _print_changes(self) -> None:
        """A line when a job's state changes and at every tenth of its training."""
        jobs = read_jobs(self.sweep_dir)
        for job, name in zip(jobs, names(jobs, self.planned), strict=True):
            status = _status(job)
            at = (job.state, int(10 * _share(status)))
            if self.printed.get(job.number) != at:
                self.printed[job.number] = at
                print(progress_line(job, name, len(self.planned), status), flush=True)


def _status(job: JobRecord) -> dict[str, Any]:
    """Status of the job's run, empty where the job has not begun it or is through with it."""
    return read_status(Path(job.run_dir)) if job.run_dir and job.state == "running" else {}


def progress_line(job: JobRecord, name: str, planned: int, status: dict[str, Any]) -> str:
    """One line for one job: which, how far, time left; mAP of the latest validation, and once it is done of the test.

    Args:
        job: Its record.
        name: What distinguishes it from the others.
        planned: Jobs of the sweep, 0 where the sweeper decides as it goes.
        status: Of its run, empty before it has begun to train.
    """
    which = f"[{job.number + 1}/{planned or '?'}] {name}:"
    if job.state != "running":
        metric = "" if job.map_50 is None else f", test mAP50 {100 * job.map_50:.1f}"
        reason = "" if job.reason is None else f" ({_shortened(job.reason)})"
        return f"{which} {job.state}{metric}{reason}"
    if status.get("state") != "running" or not status.get("total_steps"):
        return f"{which} starting"
    metric = "" if status.get("map_50") is None else f", val mAP50 {100 * status['map_50']:.1f}"
    left = "" if status.get("seconds_left") is None else f", {_duration(float(status['seconds_left']))} left"
    return f"{which} {100 * _share(status):3.0f} % (step {status['step']} of {status['total_steps']}){metric}{left}"


def sweep_table(jobs: list[JobRecord], planned: list[list[str]]) -> str:
    """All jobs of a sweep: outcome, mAP, time, and for those that failed why and where the log is."""
    shown = names(jobs, planned)
    width = max(4, *map(len, shown))
    lines = [f"{'job':>4}  {'':{width}}  {'outcome':11}  test mAP50     time"]
    for job, name in zip(jobs, shown, strict=True):
        metric = "-" if job.map_50 is None else f"{100 * job.map_50:.1f}"
        lines.append(f"{job.number:4d}  {name:{width}}  {job.state:11}  {metric:>10}  {_duration(job.seconds):>7}")
        if job.state in FAILED_STATES:
            lines += [f"      why: {_shortened(job.reason)}"] if job.reason else []
            lines += [f"      log: {job.log}"] if job.log else []
    counts = {state: sum(job.state == state for job in jobs) for state in ("done", "skipped", *FAILED_STATES)}
    summary = [f"{count} {state}" for state, count in counts.items() if count]
    missing = len(planned) - len(jobs)
    return "\n".join([*lines, ", ".join(summary + ([f"{missing} not begun"] if missing > 0 else []))])


def _asked_for(config: DictConfig) -> tuple[list[list[str]], list[str]]:
    """Overrides of every job, empty for a sweeper that decides as it goes, and the keys that the sweep varies."""
    asked = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*asked, *config.hydra.overrides.task])
    varied = [each.get_key_element().lstrip("+") for each in overrides if each.is_sweep_override()]
    if not str(config.hydra.sweeper._target_).endswith("BasicSweeper"):
        return [], varied
    return BasicSweeper.split_arguments(overrides, None)[0], varied


def _shortened(reason: str) -> str:
    """To one line of a terminal or two; the log has all of it."""
    return textwrap.shorten(printable(reason, keep="\n"), 160, placeholder=" …")


def _share(status: dict[str, Any]) -> float:
    return (status.get("step") or 0) / max(1, status.get("total_steps") or 1)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{rest:02d}"
