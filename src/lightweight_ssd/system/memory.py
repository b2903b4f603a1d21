"""How much memory a process may still take, and how a file is read into the page cache.

A file that was just read stays in the page cache, for every process at once, until the memory is needed otherwise; a
mapping of it is then as fast as an array. So `data.cache=ram` needs no second copy and no process that serves images.

psutil would replace only the line of /proc/meminfo: it does not know the limit of a container, which is read here, too.
"""

from pathlib import Path

from tqdm import tqdm

__all__ = ["available_memory", "read_into_memory", "total_memory"]

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
    machine = _machine(proc, "MemAvailable")
    rooms = [limit - used for limit, used in _limits(proc, cgroup)]
    return None if machine is None else max(0, min([machine, *rooms]))


def total_memory(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes of the machine's memory, or a container's limit where that is less, whatever is in use.

    Args:
        proc: Folder in which Linux describes memory and processes.
        cgroup: Folder in which it describes limits.

    Returns:
        None on an operating system without them.
    """
    machine = _machine(proc, "MemTotal")
    return None if machine is None else min([machine, *(limit for limit, _ in _limits(proc, cgroup))])


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


def _machine(proc: Path, name: str) -> int | None:
    """Bytes of a line of /proc/meminfo; None where there is none."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    known = {key: value for key, _, value in (line.partition(":") for line in lines)}
    return int(known[name].split()[0]) * 1024 if name in known else None


def _limits(proc: Path, cgroup: Path) -> list[tuple[int, int]]:
    """Limits of the containers that this process is in, and what counts as used of each, bytes."""
    try:
        groups = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    return [limit for folder in _folders(groups, cgroup) for limit in _limits_of(folder)]


def _folders(groups: list[str], cgroup: Path) -> set[Path]:
    """Folders that may hold the limits of this process: those of its control group and of every group above."""
    found = set()
    for line in groups:
        _, controllers, path = line.split(":", 2)
        top = cgroup / "memory" if "memory" in controllers.split(",") else cgroup
        inner = top / path.lstrip("/")
        found |= {folder for folder in (inner, *inner.parents) if folder.is_relative_to(top)}
    return found


def _limits_of(folder: Path) -> list[tuple[int, int]]:
    found = []
    for name, (usage, files) in _LIMITS.items():
        try:
            limit, used = (folder / name).read_text().strip(), int((folder / usage).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit != "max":
            found.append((int(limit), used - int(stat.get(files, 0))))
    return found
