"""How much memory a process may still take, and how a file is read into the page cache.

A file that was just read stays in the page cache, for every process at once, until the memory is needed otherwise; a
mapping of it is then as fast as an array. So `data.cache=ram` needs no second copy and no process that serves images.

psutil would replace only the line of /proc/meminfo: it does not know the limit of a container, which is read here, too.
"""

from pathlib import Path

from tqdm import tqdm

__all__ = ["available_memory", "read_into_memory"]

_CHUNK = 1 << 24
_BYTES_WITHOUT_BAR = 1 << 30
_LIMITS = {  # of a container: its limit, what it uses, and how much of that is files, which give way
    "memory.max": ("memory.current", "file"),
    "memory.limit_in_bytes": ("memory.usage_in_bytes", "total_cache"),
}


def available_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this process can take without swapping; the page cache counts as free.

    It is the machine's available memory, or what a container's limit leaves where that is less.

    Args:
        proc: Folder in which Linux describes memory and processes.
        cgroup: Folder in which it describes limits.

    Returns:
        None on an operating system without them.
    """
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        groups = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    known = {name: value for name, _, value in (line.partition(":") for line in lines)}
    if "MemAvailable" not in known:
        return None
    rooms = [int(known["MemAvailable"].split()[0]) * 1024]
    for folder in _folders(groups, cgroup):
        rooms.extend(_room(folder))
    return max(0, min(rooms))


def read_into_memory(path: Path) -> None:
    """Reads a file from end to end, so that it is in the page cache afterwards."""
    size, title = path.stat().st_size, "images into memory"
    buffer = bytearray(_CHUNK)
    with (
        path.open("rb", buffering=0) as file,
        tqdm(total=size, desc=title, unit="B", unit_scale=True, disable=size < _BYTES_WITHOUT_BAR) as bar,
    ):
        while count := file.readinto(buffer):
            bar.update(count)


def _folders(groups: list[str], cgroup: Path) -> set[Path]:
    """Folders that may hold the limits of this process: those of its control group and of every group above."""
    found = set()
    for line in groups:
        _, controllers, path = line.split(":", 2)
        top = cgroup / "memory" if "memory" in controllers.split(",") else cgroup
        inner = top / path.lstrip("/")
        found |= {folder for folder in (inner, *inner.parents) if folder.is_relative_to(top)}
    return found


def _room(folder: Path) -> list[int]:
    rooms = []
    for name, (usage, files) in _LIMITS.items():
        try:
            limit, used = (folder / name).read_text().strip(), int((folder / usage).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit != "max":
            rooms.append(int(limit) - used + int(stat.get(files, 0)))
    return rooms
