"""The data loader of the project: what goes wrong in a worker reaches the user as it was said there.

PyTorch hands a worker's error on as text with a traceback around it, so that one sentence becomes forty lines. Here an
error travels as a value, in the place of the batch, and is raised where the batch is asked for.
"""

import pickle
import re
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch.utils.data import DataLoader, Dataset, get_worker_info

from lightweight_ssd.data.dataset import DetectionDataset, collate, worker_init
from lightweight_ssd.system.parent_watch import end_with_parent
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.types import SampleKey

__all__ = ["SampleLoader", "naming_dead_workers", "sample_loader"]

_DEATH = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)\s*(.*)")


class SampleLoader(DataLoader):
    """A `DataLoader` whose data set may give an error instead of samples; iterating raises it. Use `sample_loader`."""

    def __iter__(self) -> Iterator[Batch]:  # pyright: ignore[reportIncompatibleMethodOverride]  # one that raises
        self.worker_init_fn = partial(_begin_worker, threading.current_thread() is threading.main_thread())
        return _raising(super().__iter__())


def sample_loader(dataset: DetectionDataset, **options: Any) -> SampleLoader:
    """A loader of batches.

    Args:
        dataset: What to read.
        **options: Of `DataLoader`: `batch_size`, `sampler`, `num_workers` and the like.
    """
    return SampleLoader(_Guarded(dataset), collate_fn=_as_it_is, **options)


@contextmanager
def naming_dead_workers(datasets: Iterable[DetectionDataset]) -> Iterator[None]:
    """Names the image that a worker was reading when it was killed, in the error that ends the training.

    Args:
        datasets: Those that are being read; asked for when a worker has died.

    Raises:
        ValueError: In place of PyTorch's error, which gives a process id only.
    """
    try:
        yield
    except RuntimeError as error:
        known = _DEATH.search(str(error))
        if known is None:
            raise
        known = _DEATH.search(str(error.__cause__)) or known  # which names the signal
        pids, how = [int(pid) for pid in known[1].split(",")], known[2].strip().rstrip(".")
        raise ValueError(
            f"Expected the data workers to live, but process {known[1]} {how}; {_in_hand(pids, list(datasets))}: "
            "look at that file, or, if memory is short, set num_workers lower."
        ) from error


def _in_hand(pids: list[int], datasets: Sequence[DetectionDataset]) -> str:
    found = [(dataset, dataset.notes.find(pid)) for dataset in datasets for pid in pids]
    paths = [dataset.annotations[index].path for dataset, index in found if index is not None]
    return f"the last image that it read is {', '.join(paths)}" if paths else "it had read no image yet"


def _begin_worker(from_main_thread: bool, worker_id: int) -> None:
    """In a worker: it ends with its parent, also while it waits for room in a pipe that nobody reads any more."""
    end_with_parent(from_main_thread)
    worker_init(worker_id)


class _Failure:
    """An error that a worker passes to the main process."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Guarded(Dataset):
    """Reads a whole batch, or gives the error that came in between."""

    def __init__(self, dataset: DetectionDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, keys: list[SampleKey | int]) -> Batch | _Failure:
        try:
            return collate((self.dataset[key] for key in keys), len(keys))
        except Exception as error:
            return _Failure(error if get_worker_info() is None else _portable(error))


def _portable(error: Exception) -> Exception:
    """The error, with the worker's traceback in its notes, in a form that can be sent to another process."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # one that cannot be rebuilt would be lost, and the main process would wait endlessly
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _as_it_is(batch: Any) -> Any:
    """In place of PyTorch's collate, to which all samples of a batch would come at once."""
    return batch


def _raising(batches: Iterable[Batch | _Failure]) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, _Failure):
            raise batch.error
        yield batch
