"""`lssd benchmark startup`: what a user waits for before anything happens."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.benchmark.record import Figure, Record, Target, interleaved, publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.runs.status import read_status

__all__ = ["main", "measure"]

_LSSD = [sys.executable, "-m", "lightweight_ssd"]
_HELP_SECONDS, _TRAIN_SECONDS = 1.0, 15.0  # to be reached
_POLL = 0.01  # seconds between two looks at a run
_PATIENCE = 600.0  # seconds until a run is given up that takes no step


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_startup")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark startup`."""
    with one_sentence_errors("lssd benchmark startup"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        publish(measure(config["overrides"], config["rounds"]), config["results"])


def measure(overrides: Sequence[str], rounds: int) -> Record:
    """Starts every command `rounds` times, in turns.

    Args:
        overrides: Of `lssd train`.
        rounds: At least 1.

    Raises:
        ValueError: If there are no rounds, or a training ends before its first step.
    """
    if not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"Expected rounds as a whole number of at least 1 but got {rounds}.")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        _to_first_step(overrides, Path(folder), kept)  # draws the data, and fills the machine's cache of files

        def drawing() -> None:
            with tempfile.TemporaryDirectory() as fresh:
                _to_first_step(overrides, Path(fresh), Path(fresh))

        seconds = interleaved(
            {
                "python": lambda: _run([sys.executable, "-c", "pass"]),
                "help": lambda: _run([*_LSSD, "--help"]),
                "train_help": lambda: _run([*_LSSD, "train", "--help"]),
                "imports": lambda: _run([sys.executable, "-c", "import torch, torchvision, lightning.pytorch"]),
                "drawn": lambda: _to_first_step(overrides, Path(folder), kept),
                "drawing": drawing,
            },
            rounds,
            warmup=0,
        )
    took = {name: timing.median for name, timing in seconds.items()}
    quick, slow = Target("ours", "<=", _HELP_SECONDS), Target("ours", "<=", _TRAIN_SECONDS)
    python, imports = "Python starting", "importing torch, torchvision, lightning"
    figures = [
        Figure("lssd --help", took["help"], "s", python, took["python"], True, quick),
        Figure("lssd train --help", took["train_help"], "s", python, took["python"], True),
        Figure(
            "lssd train, first step done, data lies there", took["drawn"], "s", imports, took["imports"], True, slow
        ),
        Figure(
            "lssd train, first step done, data drawn first", took["drawing"], "s", imports, took["imports"], True, slow
        ),
    ]
    started = f"Training is lssd train {' '.join(overrides)}"
    return Record(
        "startup", f"{started}; every start a new process, {rounds} rounds.", figures, versions=("lightning",)
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)


def _to_first_step(overrides: Sequence[str], folder: Path, data_root: Path) -> None:
    """Starts a training, waits until its status tells of a step, and ends it there, with its workers."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        run_dir, log = Path(scratch) / "run", Path(scratch) / "log"
        places = [f"run_dir={quoted(run_dir)}", f"data.root={quoted(data_root)}", "+callbacks.status.every=0"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*_LSSD, "train", *overrides, *places],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            _wait(process, run_dir, log)
        finally:
            _kill(process)


def _wait(process: "subprocess.Popen[bytes]", run_dir: Path, log: Path) -> None:
    given_up = time.monotonic() + _PATIENCE
    while True:
        ended = process.poll() is not None  # asked first: it may take its step and end between the two questions
        if read_status(run_dir).get("step"):
            return
        if ended or time.monotonic() > given_up:
            lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            said = next((line for line in lines if line.startswith("lssd train: ")), lines[-1])
            raise ValueError(f"Expected a training that takes a step but it said: {said}")
        time.sleep(_POLL)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Its process group: the workers, too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
