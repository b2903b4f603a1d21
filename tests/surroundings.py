"""What a command that runs in a fork finds around it: a small disk, folders that it may not write, limits of files.

The disk and the read-only folders are real file systems, in mounts of the command's own where that is allowed: to root,
and inside a user namespace to everybody else. The root of a container who may only mount plainly gets plain mounts,
which are taken down at the end.
"""

import ctypes
import os
import resource
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from PIL import Image

_libc = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_USER = 0x20000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
_READ_ONLY, _REMOUNT, _BIND, _ALL_BELOW, _PRIVATE = 1, 32, 4096, 16384, 1 << 18  # MS_…
_DETACH = 2  # MNT_DETACH
_RIGHTS_OF_ROOT = (1, 2, 3)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: to write whatever the modes say
_DROP_FOR_PROGRAMS = 24  # PR_CAPBSET_DROP
_PAGE = 4096  # bytes; files take whole ones


class Surroundings(NamedTuple):
    """What is unusual.

    Attributes:
        disk: Bytes of the disk that the command's folder is, with what the folder holds.
        read_only: Folders that are mounted so that nobody can write to them.
        modes_hold: Whether root, too, is bound by the modes of files.
        largest_file: Bytes at which the system lets no file grow.
        plain_plots: Whether plots are white pictures: they are written as ever, and drawing them takes most of the time
            of a tiny command.
    """

    disk: int | None = None
    read_only: tuple[str, ...] = ()
    modes_hold: bool = False
    largest_file: int | None = None
    plain_plots: bool = False


def on_disk(size: int) -> int:
    """Bytes that a file of this size takes up on a disk such as `Surroundings.disk`."""
    return -(-size // _PAGE) * _PAGE


def build(around: Surroundings, cwd: Path) -> None:
    """Mounts what has to be mounted, for this process and those that it will start."""
    if around.disk is None and not around.read_only:
        return
    _unshare()
    if around.disk is not None:
        disk = _beside(cwd)
        disk.mkdir()
        _mount("none", disk, "tmpfs", 0, f"size={around.disk}")
        shutil.copytree(cwd, disk, dirs_exist_ok=True)
        _mount(str(disk), cwd, None, _BIND)
    for folder in map(Path, around.read_only):
        _mount(str(folder), folder, None, _BIND)
        _mount(str(folder), folder, None, _BIND | _REMOUNT | _READ_ONLY)


def enter(around: Surroundings) -> None:
    """Takes rights from this process, and from those that it will start."""
    if around.modes_hold:
        _give_up_rights_of_root()
    if around.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (around.largest_file, around.largest_file))
    if around.plain_plots:
        Figure.savefig = _save_white  # pyright: ignore[reportAttributeAccessIssue]


def take_down(around: Surroundings, cwd: Path) -> None:
    """Takes the mounts away; what the disk holds stays in the folder, where there is room now."""
    for folder in around.read_only:
        _libc.umount2(os.fsencode(folder), _DETACH)
    if around.disk is not None:
        disk = _beside(cwd)
        _libc.umount2(os.fsencode(cwd), _DETACH)
        for path in cwd.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(disk, cwd, dirs_exist_ok=True)
        _libc.umount2(os.fsencode(disk), _DETACH)
        disk.rmdir()


def _save_white(figure: Figure, file: Any, format: str, **options: Any) -> None:
    content = BytesIO()
    Image.new("RGB", (16, 16), "white").save(content, "PNG")
    data = content.getvalue() if format == "png" else b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    file.write(data) if hasattr(file, "write") else Path(file).write_bytes(data)


def _beside(cwd: Path) -> Path:
    return cwd.with_name(f"{cwd.name}.disk")


def _unshare() -> None:
    """Mounts of our own, if it can be had."""
    user, group = os.getuid(), os.getgid()
    if user == 0 and _libc.unshare(_NEW_MOUNTS) == 0:
        _mount("none", Path("/"), None, _ALL_BELOW | _PRIVATE)
    elif user != 0 and _libc.unshare(_NEW_USER | _NEW_MOUNTS) == 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            Path(f"/proc/self/{name}").write_text(text)


def _mount(source: str, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    arguments = (source.encode(), os.fsencode(target), kind.encode() if kind else None, flags, options.encode())
    if _libc.mount(*arguments) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise AssertionError(f"Expected to be allowed to mount at {target}, but: {reason}; allow user namespaces here.")


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def _give_up_rights_of_root() -> None:
    for right in _RIGHTS_OF_ROOT:
        _libc.prctl(_DROP_FOR_PROGRAMS, right, 0, 0, 0)
    header, sets = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    assert _libc.capget(ctypes.byref(header), sets) == 0
    for place in range(3):
        sets[place] &= ~sum(1 << right for right in _RIGHTS_OF_ROOT)
    assert _libc.capset(ctypes.byref(header), sets) == 0, os.strerror(ctypes.get_errno())
