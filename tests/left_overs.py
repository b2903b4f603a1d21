"""What lives on of a command: every process whose working directory is that of the command, or below it."""

import time
from pathlib import Path

__all__ = ["alive_in", "assert_nothing_lives_on"]


def alive_in(folder: Path) -> dict[int, str]:
    """The processes that run in a folder, and what each was started as; those that only wait to be buried do not."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
            if where.is_relative_to(folder) and (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
        except OSError:  # it has ended meanwhile
            continue
    return found


def assert_nothing_lives_on(folder: Path, seconds: float = 10) -> None:
    """Waits so long for the last process to end."""
    end = time.monotonic() + seconds
    while alive_in(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive_in(folder)
