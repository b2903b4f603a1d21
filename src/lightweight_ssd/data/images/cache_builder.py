"""Makes image caches: once, by one process, whole or not at all, and again when a file of the source has changed.

Pixels go into a hidden folder, which gets its name when everything is on the disk. A lock, which the operating system
drops with its holder, lets one process build while others wait for the result; what a killed one has left behind is
removed by the next. A cache is named by its list of files and by the machine, and the key inside it by the files' sizes
and times of change: machines that share the folder of caches but have images of their own would otherwise rebuild each
other's cache endlessly, so each makes its own.
"""

import hashlib
import logging
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int64

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.cache import INDEX_FILE, PIXELS_FILE, ImageCache, cached_sizes, image_starts
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.system.disk_space import format_bytes, require_space
from lightweight_ssd.system.file_lock import lock_run, try_to_lock_run
from lightweight_ssd.system.memory import available_memory
from lightweight_ssd.system.parallel import each_file

__all__ = ["open_image_cache", "require_memory"]

log = logging.getLogger(__name__)
_FORMAT = 1  # raise it when the same files would be cached as other bytes


def open_image_cache(
    annotations: PackedAnnotations, side: int, cache_dir: str | Path, on_bad: str = "error"
) -> ImageCache:
    """The cache of these images, made first where there is none or a file has changed since.

    Args:
        annotations: The images, which the cache holds in the same order.
        side: Longest side in the cache, pixels; smaller images stay as they are.
        cache_dir: Folder of all caches; machines that share it have one each.
        on_bad: `error` stops at the first file that cannot be used; `skip` leaves it to whoever asks for its image.

    Raises:
        ValueError: A file cannot be used, none can, there is no room, or the folder cannot be written.
    """
    folder = Path(cache_dir).absolute() / f"images-{_name(annotations, side)}"
    key = _key(annotations, side)
    try:
        cache = _open(folder, key) or _build_alone(annotations, side, folder, key, on_bad)
    except OSError as error:
        raise ValueError(
            f"Expected to write an image cache of {format_bytes(_size(annotations, side))} to {folder}, but "
            f"{error.strerror or error}: make room, set data.cache_dir to another disk, or data.cache=none."
        ) from error
    if cache.problems and on_bad == "error":
        more = f" ({len(cache.problems) - 1} more images cannot be used)" if len(cache.problems) > 1 else ""
        raise ValueError(f"{next(iter(cache.problems.values()))}{more}")
    return cache


def require_memory(annotations: PackedAnnotations, side: int) -> None:
    """Makes sure that the cache of these images fits into memory.

    Raises:
        ValueError: It does not; nothing is refused where the operating system does not say how much there is.
    """
    size, available = _size(annotations, side), available_memory()
    if available is not None and size > available:
        raise ValueError(
            f"Expected {format_bytes(size)} of free memory for data.cache=ram, but there are "
            f"{format_bytes(available)}: use data.cache=disk, or images smaller than data.cache_side={side}."
        )


def _open(folder: Path, key: str) -> ImageCache | None:
    try:
        return ImageCache(folder, key)
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.info("Making the image cache again: %s", error)
        return None


def _build_alone(annotations: PackedAnnotations, side: int, folder: Path, key: str, on_bad: str) -> ImageCache:
    with lock_run(folder.parent, folder.name, _say_that_it_waits):  # who held it before may have made the cache
        return _open(folder, key) or _build(annotations, side, folder, key, on_bad)


def _build(annotations: PackedAnnotations, side: int, folder: Path, key: str, on_bad: str) -> ImageCache:
    """Called with the lock held."""
    _remove_leftovers(folder)
    hidden = _hidden(folder)
    if folder.exists():  # out of date or damaged; who still maps it keeps what is mapped
        folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
    _require_space(folder, _size(annotations, side))
    hidden.mkdir()
    try:
        _write(annotations, side, hidden, key, on_bad)
        try:
            hidden.rename(folder)
        except OSError:
            if _open(folder, key) is None:  # otherwise another process was first, on a file system without locks
                raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    log.info("Images are cached in %s; it may be deleted whenever no training runs.", folder)
    return ImageCache(folder, key)


def _require_space(folder: Path, size: int) -> None:
    try:
        require_space([(folder, size)])
    except ValueError as error:
        raise ValueError(
            f"{error} The image cache is what needs it: set data.cache_dir to another disk, a smaller data.cache_side, "
            "or data.cache=none."
        ) from None


def _write(annotations: PackedAnnotations, side: int, hidden: Path, key: str, on_bad: str) -> None:
    sizes = cached_sizes(annotations.sizes, side)
    starts = image_starts(sizes)
    problems: dict[int, str] = {}
    with (hidden / PIXELS_FILE).open("wb") as file, _opencv_in_one_thread():
        file.truncate(int(starts[-1]))
        store = partial(_store, annotations, sizes, starts, file.fileno())
        threads = len(os.sched_getaffinity(0))
        for index, problem in enumerate(
            each_file(store, range(len(annotations)), threads, "caching images", "threads", enough=64)
        ):
            if problem is not None and on_bad == "error":
                raise ValueError(problem)
            if problem is not None:
                problems[index] = problem
        os.fsync(file.fileno())
    if len(problems) == len(annotations):
        raise ValueError(f"None of the {len(annotations)} images can be used, the first for this: {problems.get(0)}")
    with (hidden / INDEX_FILE).open("wb") as file:
        sentences = np.array(list(problems.values()), dtype=str)
        np.savez(file, key=np.array(key), sizes=sizes, bad=np.array(list(problems), np.int64), sentences=sentences)
        file.flush()
        os.fsync(file.fileno())


def _store(
    annotations: PackedAnnotations,
    sizes: Int64[np.ndarray, "N 2"],
    starts: Int64[np.ndarray, " N+1"],
    file: int,
    index: int,
) -> str | None:
    """Writes one image to its place; returns what is wrong with its file instead of raising it."""
    annotation = annotations[index]
    try:
        image = read_image(annotation.path, expected_size=(annotation.height, annotation.width))
    except (OSError, ValueError) as error:
        return str(error)
    height, width = (int(length) for length in sizes[index])
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    rest, place = memoryview(image.tobytes()), int(starts[index])
    while rest:  # a disk that runs full takes a part first
        written = os.pwrite(file, rest, place)
        rest, place = rest[written:], place + written
    return None


def _remove_leftovers(folder: Path) -> None:
    """Removes what killed processes left: of this cache, whose lock is held here, and of others whose lock is free."""
    again = try_to_lock_run(folder.parent, folder.name)
    if again is not None:  # this file system has no locks, so it is unknown who is alive
        again.close()
        return
    for path in folder.parent.glob(".images-*.*"):
        name = path.name[1:].partition(".")[0]
        lock = None if name == folder.name else try_to_lock_run(folder.parent, name)
        if name == folder.name or lock is not None:
            shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            lock.close()


def _hidden(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")


def _size(annotations: PackedAnnotations, side: int) -> int:
    return int(image_starts(cached_sizes(annotations.sizes, side))[-1])


def _name(annotations: PackedAnnotations, side: int) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {side} {socket.gethostname()} ".encode())
    digest.update(annotations.path_offsets.tobytes())
    digest.update(annotations.path_bytes.tobytes())
    return digest.hexdigest()[:16]


def _key(annotations: PackedAnnotations, side: int) -> str:
    """Changes with any image file, by its size and time of change, and with the sizes in the annotations."""
    digest = hashlib.sha256(annotations.sizes.tobytes())
    digest.update(_name(annotations, side).encode())
    paths = annotations.path_bytes.tobytes()
    for start, end in pairwise(annotations.path_offsets.tolist()):
        try:
            stat = Path(os.fsdecode(paths[start:end])).stat()
            digest.update(f"{stat.st_size} {stat.st_mtime_ns};".encode())
        except OSError as error:  # its reader says it better
            digest.update(f"{error.errno};".encode())
    return digest.hexdigest()


def _say_that_it_waits(holder: str) -> None:
    log.info("The image cache is being made by %s; waiting for it.", holder)


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """Images side by side are the parallelism, and OpenCV's own threads would not survive a worker's fork."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
