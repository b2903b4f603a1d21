"""The process of a job: a plain `lssd train` that ends with its sweep, gets its signals, and leaves nothing running."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lightweight_ssd.sweeps.launcher import HANDED_ON
from lightweight_ssd.sweeps.worker import SWEEP_VARIABLE
from lightweight_ssd.system.file_lock import PASSED_LOCK, Lock
from lightweight_ssd.system.signals import PARENT_PIPE

__all__ = ["child_environment", "run_child"]

# What an outer run has told its own ranks
_OF_RANKS = ("LSSD_RUN_DIR", "LSSD_RESUME_FROM", "LSSD_FIRST_PROCESS")


def run_child(command: list[str], log_file: Path, cwd: Path, lock: Lock, variables: Mapping[str, str]) -> int:
    """Starts the run in a session of its own and waits for it.

    Args:
        command: What to run.
        log_file: Gets all that it prints.
        cwd: Its working directory.
        lock: Of its folder, which the run owns from now on.
        variables: What its environment has on top of ours.

    Returns:
        Its exit code, negative for a signal.

    Raises:
        KeyboardInterrupt: The sweep was asked to stop; the run has left a checkpoint by then.
    """
    read_end, write_end = os.pipe()  # the run reads; our end closes when this process dies
    try:
        with log_file.open("ab") as log:
            log.write(f"\n[{datetime.now():%Y-%m-%d %H:%M:%S}] {shlex.join(command[1:])}\n".encode())
            log.flush()
            environment = {**child_environment(dict(os.environ), read_end, lock.fileno()), **variables}
            process = subprocess.Popen(
                command, cwd=cwd, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=(read_end, lock.fileno()),
            )  # fmt: skip
        lock.hand_over(process.pid)
        with _handing_on_signals(process) as stopped:
            code = process.wait()
    finally:
        os.close(read_end)
        os.close(write_end)
    _end_group(process.pid)
    if signal.SIGUSR2 in stopped:  # the launcher's own handler has its turn now: it asks for the job to be queued again
        signal.raise_signal(signal.SIGUSR2)
    if stopped:
        raise KeyboardInterrupt
    return code


def child_environment(environment: dict[str, str], pipe: int, lock: int | None = None) -> dict[str, str]:
    """The environment of a run, without what an outer run or the scheduler of a cluster has set for itself.

    Args:
        environment: Of this process.
        pipe: Descriptor that closes when this process ends.
        lock: Descriptor of the lock of the run's folder.

    Returns:
        A copy. Under SLURM a job of a sweep is one task that may start several ranks itself, but Lightning takes the
        task counts that it finds for its own ranks; so they are left out.
    """
    kept = {name: value for name, value in environment.items() if name not in (*_OF_RANKS, SWEEP_VARIABLE)}
    if kept.pop(HANDED_ON, None):
        kept.pop("HYDRA_FULL_ERROR", None)  # set by the sweep for itself
    if kept.get("SLURM_NTASKS") == "1":
        for name in ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"):
            kept.pop(name, None)
    passed = {} if lock is None else {PASSED_LOCK: str(lock)}
    return {**kept, **passed, PARENT_PIPE: str(pipe), "PYTHONUNBUFFERED": "1"}


@contextmanager
def _handing_on_signals(process: subprocess.Popen) -> Iterator[list[int]]:
    """SIGINT and SIGTERM become the run's SIGTERM, the second one its end; yields those that came.

    So does SIGUSR2, by which a scheduler says that a job's time is nearly up, where the launcher waits for it.
    """
    came: list[int] = []

    def hand_on(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) == 1:
            process.send_signal(signal.SIGTERM)
        else:
            _end_group(process.pid)

    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread only
        yield came
        return
    waited_for = [signal.SIGUSR2] if callable(signal.getsignal(signal.SIGUSR2)) else []
    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM, *waited_for)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(leader: int) -> None:
    """Ends what a run that was killed may have left: other ranks, loader workers."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
