"""One owner for each run folder: a process takes it before it writes anything, and no other one writes there."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lightweight_ssd.runs.files import LAST_CHECKPOINT, LOCK_FILE, METRICS_FILE
from lightweight_ssd.runs.folder import folders_of_content, next_run_dir
from lightweight_ssd.runs.status import read_status
from lightweight_ssd.system.file_lock import Lock, adopted, alone_in, holder_of, try_to_lock
from lightweight_ssd.system.output_folder import one_sentence_when_unwritable

__all__ = ["Claim", "adopted_claim", "busy_folder", "claim", "claim_found", "claim_new", "holds_training"]

_ATTEMPTS = 20


class Claim:
    """A run folder that this process owns until the claim is released.

    Args:
        run_dir: The folder.
        lock: Its lock.
        made: Folders that were made for it, the innermost last; empty for a run that was there before.
    """

    def __init__(self, run_dir: Path, lock: Lock, made: list[Path]) -> None:
        self.run_dir = run_dir
        self.lock = lock
        self.made = made

    def release(self) -> None:
        """Gives the folder back."""
        self.lock.remove()

    def discard_start(self) -> bool:
        """Removes a folder that was made for a run that never trained; returns whether it did."""
        if not self.made or holds_training(self.run_dir):
            return False
        with alone_in(self.run_dir.parent):
            shutil.rmtree(self.run_dir, ignore_errors=True)
            for folder in reversed(self.made[:-1]):
                with suppress(OSError):  # other runs are in it
                    folder.rmdir()
        self.lock.close()
        return True


def holds_training(run_dir: Path) -> bool:
    """Whether a run has made its first step: before that, nothing in its folder is worth keeping."""
    done = bool(read_status(run_dir).get("step"))
    return done or (run_dir / METRICS_FILE).is_file() or (run_dir / LAST_CHECKPOINT).is_file()


def claim(run_dir: Path) -> Claim | None:
    """Takes a folder, made where missing; None while another process has it.

    Raises:
        ValueError: It cannot be made or written.
    """
    return _among_others(run_dir.parent, "run_dir", lambda: run_dir)


def claim_new(experiment_dir: Path, name: str) -> Claim:
    """Makes a folder and takes it: of this name, numbered from the second of its content on.

    Raises:
        ValueError: It cannot be made or written.
    """
    while True:  # where the file system has no locks, another process may be quicker
        taken = _among_others(experiment_dir, "runs", lambda: next_run_dir(experiment_dir, name), new=True)
        if taken is not None:
            return taken


def claim_found(experiment_dir: Path, name: str, find: Callable[[Path, str], Path | None]) -> Claim | None:
    """Takes a folder of a content, or makes the next; None while a process has any folder of this content.

    Args:
        experiment_dir: Where the folders lie.
        name: Slug and hash of the content.
        find: Chooses among the folders, by `experiment_dir` and hash.

    Raises:
        ValueError: It cannot be made or written.
    """

    def choose() -> Path | None:
        if busy_folder(experiment_dir, name):
            return None
        return find(experiment_dir, name.rpartition("-")[2]) or next_run_dir(experiment_dir, name)

    return _among_others(experiment_dir, "runs", choose)


def busy_folder(experiment_dir: Path, name: str, other_than: Path | None = None) -> tuple[Path, str] | None:
    """A folder of the same content that a process has now, and which process, in words."""
    for folder in folders_of_content(experiment_dir, name.rpartition("-")[2]):
        who = None if folder == other_than else holder_of(folder / LOCK_FILE)
        if who is not None:
            return folder, who
    return None


def adopted_claim(run_dir: Path, descriptor: int) -> Claim | None:
    """What the parent of this process has taken for it and passed on; None if another process has taken it since."""
    lock = adopted(run_dir / LOCK_FILE, descriptor)
    return None if lock is None else Claim(run_dir, lock, [])


def _among_others(
    experiment_dir: Path, setting: str, choose: Callable[[], Path | None], new: bool = False
) -> Claim | None:
    """Chooses a folder and takes it while no other process does either.

    Args:
        experiment_dir: Above the folder that is chosen; made where missing.
        setting: With what the user says where it lies.
        choose: The folder, or None for none.
        new: It must not be there yet.
    """
    for left in reversed(range(_ATTEMPTS)):
        try:
            return _choose_and_take(experiment_dir, setting, choose, new)
        except ValueError as error:
            removed = isinstance(error.__cause__, FileNotFoundError)  # with a start that failed in another process
            if not removed or not left:
                raise
    return None


def _choose_and_take(experiment_dir: Path, setting: str, choose: Callable[[], Path | None], new: bool) -> Claim | None:
    with one_sentence_when_unwritable(experiment_dir, setting):
        made = [folder for folder in reversed((experiment_dir, *experiment_dir.parents)) if not folder.exists()]
        experiment_dir.mkdir(parents=True, exist_ok=True)
        with alone_in(experiment_dir):
            run_dir = choose()
            return None if run_dir is None else _take(run_dir, made, new)


def _take(run_dir: Path, made: list[Path], new: bool) -> Claim | None:
    try:
        run_dir.mkdir()
        made = [*made, run_dir]
    except FileExistsError:
        if new:
            return None
        made = []  # what was there before stays
    lock = try_to_lock(run_dir / LOCK_FILE)
    return None if lock is None else Claim(run_dir, lock, made)
