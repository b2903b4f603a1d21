"""The process that `tests.run_server` starts: it has imported everything, and forks for each command that is asked for.

A job of a sweep is a fork, too, in place of the interpreter that a sweep starts elsewhere.
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
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, NoReturn

from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins

import lightweight_ssd
from lightweight_ssd.cli import main
from lightweight_ssd.sweeps import child
from tests.kill_points import adopt_orphans, descendants, end_orphans, kill_all, kill_at
from tests.run_server import LARGEST_REQUEST, Request, close
from tests.surroundings import Surroundings, build, enter, take_down


def serve(requests: socket.socket) -> None:
    for part in pkgutil.walk_packages(lightweight_ssd.__path__, "lightweight_ssd."):
        if part.name.split(".")[1] not in ("benchmark", "__main__"):
            importlib.import_module(part.name)  # whatever a run imports late, once for all forks
    Plugins.instance()  # Hydra imports them all, too
    gc.collect()
    gc.freeze()  # else the collections of each fork would copy what all could share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
        if not message:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            _watch_to_the_end(Request(*json.loads(message)), *descriptors)
        close(descriptors)


def _watch_to_the_end(request: Request, out: int, err: int, status: int) -> NoReturn:
    request = request._replace(around=Surroundings(*request.around))
    code = 0
    try:
        _watch(request, Path(request.cwd), out, err, status)
    except BrokenPipeError:  # nobody wants to know any more
        pass
    except BaseException:
        code = 1
        traceback.print_exc()
    finally:
        os._exit(code)


def _watch(request: Request, cwd: Path, out: int, err: int, status: int) -> None:
    """Starts the command, says which process it is, kills it by the clock, says how it ended and what it has left."""
    build(request.around, cwd)
    if request.patience:
        adopt_orphans()
    child = os.fork()
    if child == 0:
        os.close(status)
        os.setsid()
        if request.stage not in ("never", "clock", "tree"):
            kill_at(request.stage, int(request.moment), cwd)
        enter(request.around)
        if {"-m", "--multirun"} & set(request.arguments):
            _Job.prepare()
        _run(request.arguments, request.cwd, request.environment, out, err)
    close((out, err))
    os.write(status, f"{child}\n".encode())
    if request.stage in ("clock", "tree"):
        _wait_until(child, time.monotonic() + request.moment)
        # a child that has ended is not forgotten before it is waited for
        kill_all(descendants() if request.stage == "tree" else [child])
    os.write(status, f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    if request.patience:
        left = end_orphans(request.patience)
        take_down(request.around, cwd)
        os.write(status, f"{json.dumps(left)}\n".encode())


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
    close({nothing, out, err})
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
    module = vars(sys.modules["__main__"])
    module["__spec__"] = importlib.util.find_spec("lightweight_ssd.__main__")  # what other ranks run
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
        message, descriptors, *_ = socket.recv_fds(requests, LARGEST_REQUEST, 8)
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
                close({*descriptors, *passed, reader, writer} - set(numbers))
                _run(arguments, cwd, environment, out, out)
            os.write(writer, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)
        requests.send(os.read(reader, 100))
        close({*descriptors, reader, writer})


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
