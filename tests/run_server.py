"""Runs `lssd` again and again in forks of one process that has imported everything, and kills it on request.

Most of the time that a command takes in a small test goes into imports. A fork starts at once, so that a test can
afford many runs, and is a process of its own, with its own session, folder, environment, streams and signals, so that
it can be killed for good. Jobs that a sweep starts are forks of the sweep, its true children. Use it where the start of
a fresh interpreter is not what is tested; ranks of a run are started as always.

`python -m tests.run_server_process` receives requests over a socket: one message each, JSON with the file descriptors
for standard output, standard error, and a pipe that gets the process number of the fork and, once it has ended, its
exit code, negative for the signal that ended it.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from tests.surroundings import Surroundings

LARGEST_REQUEST = 1 << 20  # bytes
_USUAL = Surroundings()


class Request(NamedTuple):
    """One command.

    Attributes:
        arguments: What follows `lssd`.
        cwd: Folder to run in.
        environment: All of it.
        stage: When it is killed: `never`; by the `clock`, alone or as a `tree` with all that it has started; or at a
            place of `kill_at`.
        moment: Seconds after its start for `clock` and `tree`; else which of the files or steps at that place, from 1.
        around: What it finds around it, which is looked after only with some `patience`.
        patience: Seconds that its own processes get to end after it; those left are killed and named. 0 = nobody looks.
    """

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    stage: str
    moment: float
    around: Surroundings
    patience: float


class Ended(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


class Forked:
    """A command that runs, with what tests use of `subprocess.Popen`; `left` names what it left running."""

    def __init__(self, status: IO[str], out: IO[str], err: IO[str], watched: bool) -> None:
        self._status, self.stdout, self.stderr, self._watched = status, out, err, watched
        self.pid = int(status.readline())
        self.returncode: int | None = None
        self.left: list[str] = []

    def poll(self) -> int | None:
        return (
            self.wait(0) if self.returncode is None and select.select([self._status], [], [], 0)[0] else self.returncode
        )

    def wait(self, timeout: float) -> int:
        """Seconds to wait at most."""
        if self.returncode is None:
            assert select.select([self._status], [], [], timeout)[0], f"lssd did not end within {timeout} s"
            answer = self._status.readline()
            assert answer, "the server of runs has ended"
            self.returncode = int(answer)
        return self.returncode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """What it writes until its end, seconds to wait at most; ends it where it takes longer."""
        with ThreadPoolExecutor(2) as pool:
            reading = [pool.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                out, err = [each.result(timeout) for each in reading]
            except TimeoutError:
                os.killpg(self.pid, signal.SIGKILL)
                raise
        self.wait(timeout)
        self.left = json.loads(self._status.readline()) if self._watched else []
        for stream in (self.stdout, self.stderr, self._status):
            stream.close()
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class RunServer:
    """The other end, for a test: starts the process and passes requests."""

    def __enter__(self) -> Self:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command, root = (
            [sys.executable, "-m", "tests.run_server_process", str(other.fileno())],
            Path(__file__).parents[1],
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with other:
            self._process = subprocess.Popen(command, cwd=root, env=environment, pass_fds=[other.fileno()])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def start(
        self, cwd: Path, *arguments: str, stage: str = "never", moment: float = 0,
        around: Surroundings = _USUAL, patience: float = 0, **environment: str,
    ) -> Forked:  # fmt: skip
        """Starts `lssd` with these arguments in this folder; the environment comes on top of our own."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        request = Request(list(arguments), str(cwd), environment, stage, moment, around, patience)
        pipes = [os.pipe() for _ in range(3)]
        socket.send_fds(self._socket, [json.dumps(request).encode()], [write for _, write in pipes])
        close(write for _, write in pipes)
        out, err, status = [os.fdopen(read) for read, _ in pipes]
        return Forked(status, out, err, patience > 0)

    def run(self, cwd: Path, *arguments: str, **how: Any) -> Ended:
        """The same, to its end."""
        started = self.start(cwd, *arguments, **how)
        out, err = started.communicate(900)
        assert started.returncode is not None
        return Ended(started.returncode, out, err)


def close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
