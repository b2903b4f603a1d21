"""Runs `lssd` again and again in forks of one process that has imported everything, and kills it on request.

Most of the time that a command takes in a small test goes into imports. A fork starts at once, so that a test can
afford many runs, and is a process of its own, with its own session, folder, environment, streams and signals, so that
it can be killed for good. Jobs that a sweep starts are forks of the sweep, its true children. Use it where the start of
a fresh interpreter is not what is tested; ranks of a run are started as always.

`python -m tests.run_server` receives requests over a socket: one message each, JSON with the file descriptors for
standard output, standard error, and a pipe that gets the process number of the fork and, once it has ended, its exit
code, negative for the signal that ended it.
"""

import ctypes
import fcntl
import gc
import importlib.util
import json
import logging
import os
import pkgutil
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import IO, Any, NamedTuple, NoReturn, Self

from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins

import lightweight_ssd
from lightweight_ssd.cli import main
from lightweight_ssd.sweeps import child
from lightweight_ssd.system.atomic_write import PART
from lightweight_ssd.training.measure import Measurement
from lightweight_ssd.training.task import DetectionTask

HALF_A_CHECKPOINT = 300_000  # bytes, of the smoke experiment's 740,000 with an average of the weights
_LARGEST_REQUEST = 1 << 20  # bytes
_STEPS = {
    "training": (DetectionTask, "training_step"),
    "validation": (DetectionTask, "validation_step"),
    "test": (Measurement, "test_step"),
}


class Request(NamedTuple):
    """One command.

    Attributes:
        arguments: What follows `lssd`.
        cwd: Folder to run in.
        environment: All of it.
        stage: When it is killed: `never`, by the `clock`, `opening`, `writing` or `renaming` a checkpoint, or in a step
            of `training`, `validation` or `test`; `SIGINT in test` and the like send that signal instead.
        moment: Seconds after its start for `clock`; else which of the checkpoints that it writes, or of the steps, from
            1.
    """

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    stage: str
    moment: float


class Ended(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


class Forked:
    """A command that runs, with what tests use of `subprocess.Popen`."""

    def __init__(self, status: IO[str], out: IO[str], err: IO[str]) -> None:
        self._status, self.stdout, self.stderr = status, out, err
        self.pid = int(status.readline())
        self.returncode: int | None = None

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
        command, root = [sys.executable, "-m", "tests.run_server", str(other.fileno())], Path(__file__).parents[1]
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

    def start(self, cwd: Path, *arguments: str, stage: str = "never", moment: float = 0, **environment: str) -> Forked:
        """Starts `lssd` with these arguments in this folder; the environment comes on top of our own."""
        request = Request(
            list(arguments), str(cwd), {**os.environ, "OMP_NUM_THREADS": "1", **environment}, stage, moment
        )
        pipes = [os.pipe() for _ in range(3)]
        socket.send_fds(self._socket, [json.dumps(request).encode()], [write for _, write in pipes])
        _close(write for _, write in pipes)
        out, err, status = [os.fdopen(read) for read, _ in pipes]
        return Forked(status, out, err)

    def run(self, cwd: Path, *arguments: str, stage: str = "never", moment: float = 0, **environment: str) -> Ended:
        """The same, to its end."""
        started = self.start(cwd, *arguments, stage=stage, moment=moment, **environment)
        out, err = started.communicate(900)
        assert started.returncode is not None
        return Ended(started.returncode, out, err)


def serve(requests: socket.socket) -> None:
    for part in pkgutil.walk_packages(lightweight_ssd.__path__, "lightweight_ssd."):
        if part.name.split(".")[1] not in ("benchmark", "__main__"):
            importlib.import_module(part.name)  # whatever a run imports late, once for all forks
    Plugins.instance()  # Hydra imports them all, too
    gc.collect()
    gc.freeze()  # else the collections of each fork would copy what all could share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, _LARGEST_REQUEST, 3)
        if not message:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch(Request(*json.loads(message)), *descriptors)
        _close(descriptors)


def _watch(request: Request, out: int, err: int, status: int) -> NoReturn:
    """Starts the command, says which process it is, kills it by the clock, and says how it ended."""
    child = os.fork()
    if child == 0:
        os.close(status)
        os.setsid()
        *number, stage = request.stage.split(" in ")
        if stage in _STEPS:
            _signal_in_a_step(signal.Signals[number[0]] if number else signal.SIGKILL, stage, int(request.moment))
        elif request.stage not in ("never", "clock"):
            _die_inside_a_checkpoint(request.stage, int(request.moment))
        if {"-m", "--multirun"} & set(request.arguments):
            _Job.prepare()
        _run(request.arguments, request.cwd, request.environment, out, err)
    _close((out, err))
    os.write(status, f"{child}\n".encode())
    if request.stage == "clock":
        _wait_until(child, time.monotonic() + request.moment)
        os.kill(child, signal.SIGKILL)  # a child that has ended is not forgotten before it is waited for
    os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


def _wait_until(child: int, moment: float) -> None:
    """Until this moment, or until the child has ended, whichever comes first."""
    while time.monotonic() < moment:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.002)


def _run(arguments: list[str], cwd: str | Path, environment: dict[str, str], out: int, err: int) -> NoReturn:
    """The whole command, as a user types it, in this process; it ends with it, whatever called it."""
    code: Any = 1
    try:
        _begin_afresh(arguments, cwd, environment, out, err)
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except KeyboardInterrupt:
        traceback.print_exc()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)  # as the interpreter ends
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _begin_afresh(arguments: list[str], cwd: str | Path, environment: dict[str, str], out: int, err: int) -> None:
    """What a new interpreter would not have of this process: streams, signals, the state of Hydra and of logging."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, out, err)):
        os.dup2(descriptor, number)
    _close({nothing, out, err})
    each_line = 1 if "PYTHONUNBUFFERED" in environment else -1
    sys.stdout = os.fdopen(1, "w", each_line, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["lssd", *arguments]
    vars(sys.modules["__main__"])["__spec__"] = importlib.util.find_spec("lightweight_ssd.__main__")  # other ranks run it
    random.seed()
    GlobalHydra.instance().clear()
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)


class _Job:
    """A job of a sweep, its true child, in place of `subprocess.Popen`, which starts an interpreter.

    It is a fork not of the sweep, whose state and threads it would inherit, but of a process that the sweep has forked
    before it began. As its grandchild it is an orphan at once, and the kernel gives it to the sweep, which asked for
    that.
    """

    starter: socket.socket

    @classmethod
    def prepare(cls) -> None:
        """In the process of the sweep, before it begins."""
        _ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
        ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
        cls.starter, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            cls.starter.close()
            _start_jobs(requests)
        requests.close()
        names = {"Popen": cls, "DEVNULL": subprocess.DEVNULL, "STDOUT": subprocess.STDOUT}
        setattr(child, "subprocess", SimpleNamespace(**names))  # noqa: B010

    def __init__(
        self, command: list[str], *, cwd: Path, env: dict[str, str], stdin: int, stdout: IO[bytes], stderr: int,
        start_new_session: bool, pass_fds: tuple[int, ...],
    ) -> None:  # fmt: skip
        assert command[:3] == [sys.executable, "-m", "lightweight_ssd"] and start_new_session
        assert (stdin, stderr) == (subprocess.DEVNULL, subprocess.STDOUT)
        request = json.dumps([command[3:], str(cwd), env, pass_fds])
        socket.send_fds(self.starter, [request.encode()], [stdout.fileno(), *pass_fds])
        self.pid = int(self.starter.recv(100))

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _start_jobs(requests: socket.socket) -> NoReturn:
    """Answers with the process number of each job, until the sweep has ended."""
    os.setsid()  # what the sweep's group gets is not for this process
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, _LARGEST_REQUEST, 8)
        if not message:
            os._exit(0)
        arguments, cwd, environment, numbers = json.loads(message)
        reader, writer = os.pipe()
        between = os.fork()
        if between == 0:
            child = os.fork()
            if child == 0:
                requests.close()
                os.setsid()
                out, *passed = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in descriptors]  # above all of `numbers`
                for number, descriptor in zip(numbers, passed, strict=True):
                    os.dup2(descriptor, number)
                _close({*descriptors, *passed, reader, writer} - set(numbers))
                _run(arguments, cwd, environment, out, out)
            os.write(writer, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)
        requests.send(os.read(reader, 100))
        _close({*descriptors, reader, writer})


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _signal_in_a_step(number: signal.Signals, stage: str, count: int) -> None:
    """Sends this process a signal in the chosen step of its training, validation or test."""
    owner, name = _STEPS[stage]
    step, left = getattr(owner, name), [count]

    def counted(self: Any, *arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), number)
        return step(self, *arguments)

    setattr(owner, name, counted)


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
    serve(socket.socket(fileno=int(sys.argv[1])))
