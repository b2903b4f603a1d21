"""What a split's annotations cost, measured in processes of their own: seconds, and memory in the loader's workers."""

import gc
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from lightweight_ssd.benchmark.process_memory import Memory, memory, total
from lightweight_ssd.data.formats.coco_instances import read_instances

__all__ = ["Growth", "Reading", "in_fresh_process", "measure_growth", "measure_reading"]

_Result = TypeVar("_Result")
_BATCH = 64
_WARM_SHARE = 0.1  # of the epoch, after which a worker has everything that it needs to work


class Reading(NamedTuple):
    """Seconds until the annotations are there, and bytes that the process has more of its own afterwards."""

    seconds: float
    held: int


class Growth(NamedTuple):
    """Memory of all loader workers together, early in an epoch and at its end.

    Pages that a worker shares with its parent are resident before and after it makes copies of them, which is what it
    does with Python objects that it only looks at. So the growth is that of the pages of their own.
    """

    early: Memory
    late: Memory

    @property
    def gained(self) -> int:
        """Bytes of their own that all of them together have more."""
        return self.late.unique - self.early.unique

    @property
    def share(self) -> float:
        """The same as a share of the memory that was resident."""
        return self.gained / self.early.resident


def in_fresh_process(call: Callable[..., _Result], *arguments: object) -> _Result:
    """Calls a function where nobody has imported, read or freed anything yet."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def measure_reading(annotations: Path, images: Path, cache_dir: Path) -> Reading:
    """Reads an instances file: the first time from JSON, the next time from the cache."""
    before, start = memory(), time.perf_counter()
    held = read_instances(annotations, images, cache_dir=cache_dir)
    seconds = time.perf_counter() - start
    gc.collect()
    assert len(held)
    return Reading(seconds, memory().unique - before.unique)


def measure_growth(annotations: Path, images: Path, cache_dir: Path, workers: int) -> Growth:
    """Goes through one epoch in a random order; every image is read and none augmented, so all must be of one size.

    Args:
        annotations: Instances file.
        images: Its images.
        cache_dir: Where the annotations were kept.
        workers: Loader processes.
    """
    import torch  # here, since measuring the reading alone must not count it
    from torch.utils.data import DataLoader

    from lightweight_ssd.data.dataset import DetectionDataset, collate, worker_init

    dataset = DetectionDataset(read_instances(annotations, images, cache_dir=cache_dir), _unchanged)
    loader = DataLoader(
        dataset, _BATCH, shuffle=True, num_workers=workers, collate_fn=collate, worker_init_fn=worker_init,
        generator=torch.Generator().manual_seed(0), persistent_workers=True, multiprocessing_context="fork",
    )  # fmt: skip
    early, done = None, 0
    for done, _ in enumerate(loader, start=1):
        if early is None and done >= _WARM_SHARE * len(loader):
            early = total(_workers())
    assert early is not None and done == len(loader)
    return Growth(early, total(_workers()))  # persistent workers are still there


def _unchanged(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, **_: object) -> tuple[np.ndarray, ...]:
    return image, boxes, labels


def _workers() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid]
