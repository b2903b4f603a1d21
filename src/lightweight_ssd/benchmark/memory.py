"""What `lssd train` takes of the memory, by batch, size and precision, beside what it expects to take."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from lightweight_ssd.benchmark.process_memory import memory
from lightweight_ssd.benchmark.record import Measurement, Record, Target
from lightweight_ssd.config.arguments import Count, Share, checked
from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.system.memory import available_memory, total_memory
from lightweight_ssd.training.memory_estimate import training_memory

__all__ = ["benchmark_memory", "peak_memory"]

_LSSD = [sys.executable, "-m", "lightweight_ssd"]
_GIGA = 1e9
_MOST = 1.3  # of measured over expected
_POLL_SECONDS = 0.05
_QUICK = (  # what takes time and no memory of its own is left out
    "trainer=cpu", "logger=csv", "pictures=0", "latency=null", "gray_test=false", "coco_metric=null",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1",
)  # fmt: skip


class _Case(NamedTuple):
    """One training."""

    batch_size: int
    image_size: int
    precision: str

    @property
    def name(self) -> str:
        return f"batch {self.batch_size}, {self.image_size}×{self.image_size}, {self.precision}"

    @property
    def overrides(self) -> list[str]:
        sizes = [f"batch_size={self.batch_size}", f"image_size={self.image_size}", f"data.image_size={self.image_size}"]
        return [*sizes, f"trainer.precision={self.precision}"]


@checked
def benchmark_memory(
    batch_sizes: Sequence[Count] = (1, 8, 32, 126),
    image_sizes: Sequence[Count] = (300, 512),
    precisions: Sequence[Literal["32-true", "bf16-mixed"]] = ("32-true", "bf16-mixed"),
    overrides: Sequence[str] = (),
    steps: Count = 2,
    share: Share = 0.5,
) -> Record:
    """Trains for a few steps on the CPU with each batch, size and precision, in a process of its own.

    Args:
        batch_sizes: Images of a pass.
        image_sizes: Sides of the images, pixels.
        precisions: Of the trainer.
        overrides: Further overrides of `lssd train`, such as other parts.
        steps: Steps of each training.
        share: What is expected to take more than this share of the free memory is not measured.

    Returns:
        The peak of all processes of the training together, and what the estimate before the first step says.

    Raises:
        ValueError: For a setting that cannot be met, or if a training ends with an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        cases = [_Case(*each) for each in product(batch_sizes, image_sizes, precisions)]
        libraries = memory().resident  # what a process has before the network is built: the same as this one
        lines = [_line(case, libraries, overrides, steps, share, Path(folder)) for case in cases]
    total = (total_memory() or 0) / _GIGA
    setting = (
        f"{' '.join(['lssd train', *overrides])} on data=shapes, {steps} steps, one batch of validation and of test; "
        f"a machine of {total:.0f} GB."
    )
    notes = [
        "Measured: the peak of the main process and, added to it, the peak of what its loader processes do not share.",
        "Expected: the estimate that lssd train makes before the first step, and what Python and the libraries take. "
        f"Lines with nothing measured beside it would have taken more than {share:.0%} of the memory that was free.",
    ]
    return Record("memory", setting, lines, notes, versions=("lightning",))


def _line(case: _Case, libraries: int, overrides: Sequence[str], steps: int, share: float, folder: Path) -> Measurement:
    given = [*_QUICK, "data=shapes", f"data.root={quoted(folder / 'data')}", *_images(case, steps), *overrides]
    given += [*case.overrides, f"trainer.max_steps={steps}"]
    expected, free = libraries + training_memory(compose(given)).of(case.batch_size), available_memory()
    if free is not None and expected > share * free:
        return Measurement(f"{case.name}: expected only", expected / _GIGA, "GB")
    peak = peak_memory(given, folder)
    return Measurement(
        f"{case.name}: measured", peak / _GIGA, "GB", "expected", expected / _GIGA, target=Target("ratio", "<=", _MOST)
    )


def _images(case: _Case, steps: int) -> list[str]:
    """Enough for all steps, and for one batch of the validation and of the test."""
    return [f"data.train_images={case.batch_size * steps}", "data.val_images=32", "data.test_images=32"]


def peak_memory(overrides: Sequence[str], folder: Path) -> int:
    """Bytes that `lssd train` takes at its peak, with its loader processes.

    Args:
        overrides: As typed; must not name a run folder.
        folder: Where the run may be written, and deleted again.

    Raises:
        ValueError: The training ends with an error.
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        log = Path(scratch) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*_LSSD, "train", *overrides, f"runs={quoted(Path(scratch) / 'runs')}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            peak = _watched(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode:
            lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            said = next((line for line in lines if line.startswith("lssd train: ")), lines[-1])
            raise ValueError(f"Expected the training to take its steps, but it ended with: {said}")
    return peak


def _watched(process: "subprocess.Popen[bytes]") -> int:
    """The peak of the process itself, which the system keeps, and that of its children, which is looked for."""
    own = children = 0
    while process.poll() is None:
        own = max(own, _high_water(process.pid))
        children = max(children, sum(_unique(child) for child in _children(process.pid)))
        time.sleep(_POLL_SECONDS)
    return own + children


def _high_water(process: int) -> int:
    """The most resident memory that a process had so far, bytes; 0 when it has ended."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def _children(process: int) -> Iterable[int]:
    import psutil

    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(process).children(recursive=True)]
    return []


def _unique(process: int) -> int:
    with suppress(ValueError):  # it has ended
        return memory(process).unique
    return 0
