"""Where a command that runs in a fork is killed, and what it leaves running."""

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lightweight_ssd.system.atomic_write import PART
from lightweight_ssd.training.measure import Measurement
from lightweight_ssd.training.task import DetectionTask

HALF_A_CHECKPOINT = 300_000  # bytes, of the smoke experiment's 740,000 with an average of the weights
_STEPS = {
    "training": (DetectionTask, "training_step"),
    "validation": (DetectionTask, "validation_step"),
    "test": (Measurement, "test_step"),
}
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def kill_at(stage: str, count: int, cwd: Path) -> None:
    """Ends this process, and each of its forks, at a chosen step.

    Places are a step of `training`, `validation` or `test`, where `SIGINT in test` and the like send that signal
    instead; `file`, just before any file below `cwd` is opened for writing; `opening`, just before the first system
    call of a checkpoint; `renaming`, just before one that puts it in its place or, where it has to wait for the record,
    on the way there. In `writing` the kernel itself ends the process, as hard as by SIGKILL, when a part of the
    checkpoint is written.

    Args:
        stage: One of these places.
        count: How many of these steps or files go well, plus one.
        cwd: Folder of the command.
    """
    *number, step = stage.split(" in ")
    if step in _STEPS:
        _signal_in_a_step(signal.Signals[number[0]] if number else signal.SIGKILL, step, count)
    else:
        _kill_at_a_file(stage, count, cwd)


def _signal_in_a_step(number: signal.Signals, stage: str, count: int) -> None:
    owner, name = _STEPS[stage]
    step, left = getattr(owner, name), [count]

    def counted(self: Any, *arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), number)
        return step(self, *arguments)

    setattr(owner, name, counted)


def _kill_at_a_file(stage: str, count: int, cwd: Path) -> None:
    awaited, left = "os.rename" if stage == "renaming" else "open", [count]

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event != awaited or not _is_meant(stage, details, cwd):
            return
        left[0] -= 1
        if left[0] == 0 and stage == "writing":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (HALF_A_CHECKPOINT, HALF_A_CHECKPOINT))
        elif left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def _is_meant(stage: str, details: tuple[Any, ...], cwd: Path) -> bool:
    path = str(details[0])
    if stage == "file":
        flags = details[2] if isinstance(details[2], int) else 0
        return bool(flags & _FOR_WRITING) and os.path.realpath(path).startswith(f"{cwd}/")
    return path.endswith((PART, ".waiting")) and ".ckpt" in path


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant that has lost its own."""
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)


def descendants() -> list[int]:
    """Children of this process, their children, and so on."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = parents.get(os.getpid(), [])
    for pid in found:  # grows while it is walked through
        found.extend(parents.get(pid, []))
    return found


def end_orphans(patience: float) -> list[str]:
    """Waits for all descendants of this process, which has to have adopted orphans, and kills those that stay.

    Args:
        patience: Seconds.

    Returns:
        What did not end by itself: number and command line of each.
    """
    deadline = time.monotonic() + patience
    while _any_left():
        if time.monotonic() > deadline:
            left = [f"{pid} {_words(pid)}" for pid in descendants()]
            while _any_left():
                kill_all(descendants())
                time.sleep(0.01)
            return left
        time.sleep(0.005)
    return []


def kill_all(processes: list[int]) -> None:
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _any_left() -> bool:
    """Takes note of those that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")[:200]
    except OSError:
        return ""
