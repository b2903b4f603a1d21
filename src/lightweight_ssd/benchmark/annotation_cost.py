"""The cost of a split's annotations, measured in fresh processes: seconds, and memory of the loader's workers."""

import gc
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from lightweight_ssd.benchmark.process_memory import Memory, memory, total
from lightweight_ssd.data.formats.coco_instances import read_instances

__all__ = ["Growth", "Reading", "in_fresh_process", "measure_growth", "measure_pycocotools", "measure_reading"]

_Result = TypeVar("_Result")
_BATCH = 64
_WARM_SHARE = 0.1  # of the epoch, after which a worker has everything that it needs to work


class Reading(NamedTuple):
    """The cost of reading an annotation file.

    Attributes:
        seconds: Until the annotations are read.
        held: Growth of the process's unique memory, bytes.
    """

    seconds: float
    held: int


class Growth(NamedTuple):
    """Memory of all loader workers together, early in an epoch and at its end.

    A worker that only reads a Python object writes its reference count, and so copies the page that it shared with its
    parent. That page is resident before and after; so growth is measured in unique pages.
    """

    early: Memory
    late: Memory

    @property
    def gained(self) -> int:
        """Growth of the unique memory of all workers together, bytes."""
        return self.late.unique - self.early.unique

    @property
    def share(self) -> float:
        """`gained` as a share of the memory that was resident early in the epoch."""
        return self.gained / self.early.resident


def in_fresh_process(call: Callable[..., _Result], *arguments: object) -> _Result:
    """Calls a function in a process in which nothing was imported, read or freed before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def measure_reading(annotations: Path, images: Path, cache_dir: Path) -> Reading:
    """Reads an instances file: the first time from JSON, the next time from the cache.

    Args:
        annotations: Instances file.
        images: Folder of its images.
        cache_dir: Folder of the cache.
    """
    before, start = memory(), time.perf_counter()
    held = read_instances(annotations, images, cache_dir=cache_dir)
    seconds = time.perf_counter() - start
    gc.collect()
    assert len(held)
    return Reading(seconds, memory().unique - before.unique)


def measure_pycocotools(annotations: Path) -> Reading:
    """Reads an instances file with pycocotools, which keeps no cache.

    Args:
        annotations: Instances file.
    """
    from pycocotools.coco import COCO

    before, start = memory(), time.perf_counter()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        held = COCO(str(annotations))
    seconds = time.perf_counter() - start
    gc.collect()
    assert held.imgs
    return Reading(seconds, memory().unique - before.unique)


def measure_growth(annotations: Path, images: Path, cache_dir: Path, workers: int) -> Growth:
    """Reads one epoch in a random order, without augmentation, so that all images must have one size.

    Args:
        annotations: Instances file.
        images: Folder of its images.
        cache_dir: Folder of the cache, filled by `measure_reading`.
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
