"""Runs `lssd train` again and again in forks of one process that has imported everything, and kills it on request.

`python -m tests.run_server` answers each line of JSON on its standard input, a `Request`, with the exit code of the
run, negative for the signal that ended it. A fork starts at once, so that a test can afford many runs, and is a process
of its own, so that it can be killed for good.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import lightweight_ssd
from lightweight_ssd.system.atomic_write import PART

HALF_A_CHECKPOINT = 300_000  # bytes, of the smoke experiment's 740,000 with an average of the weights


class Request(NamedTuple):
    """One run.

    Attributes:
        overrides: What follows `lssd train`.
        log: File for what the run prints.
        stage: When it is killed: `never`, by the `clock`, or `opening`, `writing` or `renaming` a checkpoint.
        moment: Seconds after its start for `clock`; else which of the checkpoints that it writes, from 1.
    """

    overrides: list[str]
    log: str
    stage: str
    moment: float


class RunServer:
    """The other end, for a test: starts the process and passes requests."""

    def __enter__(self) -> Self:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command, root = [sys.executable, "-m", "tests.run_server"], Path(__file__).parents[1]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=root, env=environment, **pipes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def run(self, request: Request) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, "the server of runs has ended"
        return json.loads(answer)


def serve() -> None:
    for part in pkgutil.walk_packages(lightweight_ssd.__path__, "lightweight_ssd."):
        if part.name.split(".")[1] not in ("benchmark", "__main__"):
            importlib.import_module(part.name)  # whatever a run imports late, once for all forks
    for line in sys.stdin:
        request = Request(*json.loads(line))
        child = os.fork()
        if child == 0:
            _run(request)
        if request.stage == "clock":
            _wait_until(child, time.monotonic() + request.moment)
            os.kill(child, signal.SIGKILL)  # a child that has ended is not forgotten before it is waited for
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), flush=True)


def _wait_until(child: int, moment: float) -> None:
    """Until this moment, or until the child has ended, whichever comes first."""
    while time.monotonic() < moment:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.002)


def _run(request: Request) -> None:
    """The whole command, as a user types it; never returns."""
    from lightweight_ssd.cli import main

    output = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(output, stream)
    if request.stage not in ("never", "clock"):
        _die_inside_a_checkpoint(request.stage, int(request.moment))
    sys.argv = ["lssd", "train", *request.overrides]
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 1)


def _die_inside_a_checkpoint(stage: str, count: int) -> None:
    """Watches what this process does with its files, and ends it at the chosen step of the chosen checkpoint.

    `opening` is just before the first system call of a checkpoint, `renaming` just before one that puts it in its place
    or, where it has to wait for the record, on the way there. In `writing` the kernel itself ends the process, as hard
    as by SIGKILL, when a part of the file is written.
    """
    awaited, left = "os.rename" if stage == "renaming" else "open", [count]

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event != awaited or not str(details[0]).endswith((PART, ".waiting")) or ".ckpt" not in str(details[0]):
            return
        left[0] -= 1
        if left[0] == 0 and stage == "writing":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (HALF_A_CHECKPOINT, HALF_A_CHECKPOINT))
        elif left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    serve()
