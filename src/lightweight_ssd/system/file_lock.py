"""One process at a time: a lock that says who holds it, and that is free however its holder has ended."""

import errno
import fcntl
import json
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from lightweight_ssd.system.process import in_words, is_running, process_record

__all__ = [
    "PASSED_LOCK", "Lock", "adopted", "alone_in", "holder", "holder_of", "lock_run", "try_to_lock", "try_to_lock_run",
]  # fmt: skip

PASSED_LOCK = "LSSD_LOCK"  # environment variable: descriptor of a lock that a process gets from its parent

log = logging.getLogger(__name__)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)  # errors of network file systems without locks


class Lock:
    """A lock that is held until it is closed, or until its holder ends.

    It belongs to the open file. A process to which the descriptor is passed on purpose holds it, too, and it is free
    again when the last of them has closed it. A fork of the process does not hold it.

    Args:
        path: File that is locked; it says who holds it.
        descriptor: Of the open, locked file.
        lent: The parent of this process holds it, too, and releases it.
    """

    def __init__(self, path: Path, descriptor: int, lent: bool = False) -> None:
        self.path = path
        self.descriptor: int | None = descriptor
        self.lent = lent
        _held.add(self)

    def fileno(self) -> int:
        """Its descriptor, to be passed to another process."""
        assert self.descriptor is not None, "the lock was released"
        return self.descriptor

    def hand_over(self, pid: int) -> None:
        """Names another process, which has got the descriptor, as the holder."""
        _write(self.fileno(), process_record(pid))

    def close(self) -> None:
        """Releases it."""
        if self.descriptor is not None and not self.lent:
            with suppress(OSError):
                os.ftruncate(self.descriptor, 0)  # it has no holder to name any more
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)  # also for a fork that has not let go of it yet
        self.drop()

    def drop(self) -> None:
        """Closes the file in this process and leaves the lock to whoever else holds it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def remove(self) -> None:
        """Releases it and removes its file."""
        if self.descriptor is not None and not self.lent:
            with alone_in(self.path.parent), suppress(OSError):
                if _is_at(self.path, self.descriptor):
                    self.path.unlink()
        self.close()

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


_held: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _close_in_fork() -> None:
    """Else a loader process that lives on after this one would hold what nobody works on any more."""
    for lock in list(_held):
        lock.drop()


os.register_at_fork(after_in_child=_close_in_fork)


def try_to_lock(path: Path) -> Lock | None:
    """Takes a lock if it is free, or if its holder has ended and something that it left behind holds it still.

    Args:
        path: File to lock, made where missing; its folder exists.

    Returns:
        The lock, or None while another process holds it.
    """
    with alone_in(path.parent) as alone:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            locked, running = _flock(descriptor), is_running(_read(descriptor))
            if locked and _is_at(path, descriptor):
                _write(descriptor, process_record())
                return Lock(path, descriptor)
            os.close(descriptor)
            if not locked and not (alone and running is False):
                return None
            if not locked:
                path.unlink(missing_ok=True)  # what is left of the holder keeps a file that has no name any more


def adopted(path: Path, descriptor: int) -> Lock | None:
    """The lock that the parent of this process has taken for it; None if another process has taken it since."""
    with alone_in(path.parent):
        if not _is_at(path, descriptor):
            return None
        os.set_inheritable(descriptor, False)
        _write(descriptor, process_record())
        return Lock(path, descriptor, lent=True)


def holder_of(path: Path) -> str | None:
    """Who holds a lock, in words; None while nobody does, or only what a dead process left behind."""
    try:
        with alone_in(path.parent), path.open("r+b") as file:
            known = _read(file.fileno())
            return None if _flock(file.fileno()) or is_running(known) is False else in_words(known)
    except OSError:  # there is no such file, or nobody can write here
        return None


def try_to_lock_run(runs: Path, content: str) -> Lock | None:
    """Takes a lock by its name if it is free.

    Args:
        runs: Folder whose locks lie in `.locks`; made where missing.
        content: Name of the lock.

    Returns:
        The lock, to be kept while it is needed, or None while another process holds it.
    """
    folder = runs / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    return try_to_lock(folder / content)


def lock_run(runs: Path, content: str, waiting: Callable[[str], None], every: float = 1.0) -> Lock:
    """Takes a lock by its name, and waits without limit until it is free.

    Args:
        runs: Folder whose locks lie in `.locks`.
        content: Name of the lock.
        waiting: Called once, with the holder in words, before the wait begins.
        every: Seconds between two attempts.

    Returns:
        The lock, to be kept while it is needed.
    """
    lock, reported = try_to_lock_run(runs, content), False
    while lock is None:
        if not reported:
            waiting(holder(runs, content))
            reported = True
        time.sleep(every)
        lock = try_to_lock_run(runs, content)
    return lock


def holder(runs: Path, content: str) -> str:
    """The holder of a lock by its name, in words."""
    return holder_of(runs / ".locks" / content) or "another process"


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Around a few steps in a folder that must not mix with the same steps of another process.

    Yields:
        Whether the file system can lock a folder; one of a network may not.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        alone = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            alone = False
        yield alone
        if alone:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a fork that another thread has made meanwhile
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    """Whether it is locked now. Where the file system has no locks, what the file says of its holder has to do."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        known = _read(descriptor)
        if is_running(known) and known.get("pid") != os.getpid():
            return False
        log.warning("This file system does not support locks; do not start the same run twice at once.")
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int, record: dict[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    with suppress(OSError):  # on a full disk nobody can say who holds it, but it is held
        os.pwrite(descriptor, json.dumps(record).encode(), 0)


def _read(descriptor: int) -> dict[str, Any]:
    try:
        record = json.loads(os.pread(descriptor, 4096, 0))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
