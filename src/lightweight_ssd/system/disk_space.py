"""Room on a disk: asked for before work begins, and said in one sentence when it runs out all the same."""

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["format_bytes", "one_sentence_when_full", "require_space"]

_FULL = (errno.ENOSPC, errno.EDQUOT)


def format_bytes(size: int) -> str:
    """Formats a number of bytes for people.

    Example:
        >>> format_bytes(460032000), format_bytes(99)
        ('460 MB', '99 bytes')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}" if size < 1000 * unit else f"{size / unit:,.0f} {name}"
    return f"{size} bytes"


def require_space(needs: Iterable[tuple[Path, int]]) -> None:
    """Checks the free space before anything is written.

    Args:
        needs: Folders, which need not exist yet, and the bytes that each gets; those on one disk are added up.

    Raises:
        ValueError: A disk has less free space.
    """
    disks: dict[int, tuple[Path, int]] = {}
    for folder, size in needs:
        place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        first, so_far = disks.get(place.stat().st_dev, (place, 0))
        disks[place.stat().st_dev] = (first, so_far + size)
    for place, size in disks.values():
        free = shutil.disk_usage(place).free
        if free < size:
            raise ValueError(
                f"Expected {format_bytes(size)} free on the disk of {place} but there are {format_bytes(free)}: make "
                "room or choose another folder."
            )


@contextmanager
def one_sentence_when_full(folder: Path, advice: str) -> Iterator[None]:
    """Reports a full disk, or a quota that is used up, in one sentence.

    Args:
        folder: Folder that is written to.
        advice: What to do once there is room.

    Raises:
        ValueError: In place of the operating system's error.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ValueError(
            f"Expected room to write in {folder} but the disk is full ({error.strerror}): {advice}"
        ) from error
