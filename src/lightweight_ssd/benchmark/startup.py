"""How long a user waits for the help and for the first training step."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lightweight_ssd.benchmark.record import Measurement, Record, Target, Timing, interleaved
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.runs.status import read_status

__all__ = ["benchmark_startup"]

_LSSD = [sys.executable, "-m", "lightweight_ssd"]
_HELP_SECONDS, _TRAIN_SECONDS = 1.0, 15.0  # to be reached
_POLL_SECONDS = 0.01  # between two looks at a run
_PATIENCE_SECONDS = 600.0  # until a run that takes no step is given up


@checked
def benchmark_startup(rounds: Count = 3, overrides: Sequence[str] = ("experiment=demo",)) -> Record:
    """Starts the help and training runs in fresh processes, in turns.

    Args:
        rounds: Starts of each.
        overrides: Overrides of `lssd train` that say what is trained.

    Returns:
        Seconds to the help, beside Python's own start, and to the end of the first training step, beside the import of
        PyTorch, torchvision and Lightning.

    Raises:
        ValueError: For a setting that cannot be met, or if the training ends before its first step.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        _to_first_step(overrides, Path(folder), kept)  # draws the data, and fills the machine's cache of files
        seconds = interleaved(_calls(overrides, Path(folder), kept), rounds, warmup=0)
    setting = f"Training is lssd train {' '.join(overrides)}; every start a new process, {rounds} rounds."
    return Record("startup", setting, _measurements(seconds), versions=("lightning",))


def _calls(overrides: Sequence[str], folder: Path, kept: Path) -> dict[str, Callable[[], None]]:
    def drawing() -> None:
        with tempfile.TemporaryDirectory() as fresh:
            _to_first_step(overrides, Path(fresh), Path(fresh))

    return {
        "python": lambda: _run([sys.executable, "-c", "pass"]),
        "help": lambda: _run([*_LSSD, "--help"]),
        "train_help": lambda: _run([*_LSSD, "train", "--help"]),
        "imports": lambda: _run([sys.executable, "-c", "import torch, torchvision, lightning.pytorch"]),
        "drawn": lambda: _to_first_step(overrides, folder, kept),
        "drawing": drawing,
    }


def _measurements(seconds: dict[str, Timing]) -> list[Measurement]:
    took = {name: timing.median for name, timing in seconds.items()}
    python, imports = "Python starting", "importing torch, torchvision, lightning"

    def line(what: str, ours: str, beside: str, theirs: str, most: float | None) -> Measurement:
        target = None if most is None else Target("ours", "<=", most)
        return Measurement(what, took[ours], "s", beside, took[theirs], True, target)

    return [
        line("lssd --help", "help", python, "python", _HELP_SECONDS),
        line("lssd train --help", "train_help", python, "python", None),
        line("lssd train, first step done, data lies there", "drawn", imports, "imports", _TRAIN_SECONDS),
        line("lssd train, first step done, data drawn first", "drawing", imports, "imports", _TRAIN_SECONDS),
    ]


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)


def _to_first_step(overrides: Sequence[str], folder: Path, data_root: Path) -> None:
    """Starts a training run, waits until its status reports a step, and ends it there, with its workers."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        run_dir, log = Path(scratch) / "run", Path(scratch) / "log"
        places = [f"run_dir={quoted(run_dir)}", f"data.root={quoted(data_root)}", "+callbacks.status.every=0"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*_LSSD, "train", *overrides, *places],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for_step(process, run_dir, log)
        finally:
            _kill(process)


def _wait_for_step(process: "subprocess.Popen[bytes]", run_dir: Path, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        ended = process.poll() is not None  # asked first: it may take its step and end between the two questions
        if read_status(run_dir).get("step"):
            return
        if ended or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            said = next((line for line in lines if line.startswith("lssd train: ")), lines[-1])
            raise ValueError(f"Expected the training to take a step, but it ended with: {said}")
        time.sleep(_POLL_SECONDS)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Ends the process group: the workers, too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
