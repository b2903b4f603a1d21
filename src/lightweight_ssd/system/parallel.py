"""One function over many files, in processes or threads, with a progress bar; Ctrl-C leaves no process behind."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Literal, TypeVar

from tqdm import tqdm

from lightweight_ssd.system.parent_watch import end_with_parent

__all__ = ["each_file", "without_ctrl_c"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_FILES_PER_TASK = 16  # sending one file to a process costs as much as reading it
_FILES_WITHOUT_BAR = 500


def each_file(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    title: str,
    kind: Literal["processes", "threads"],
    enough: int = 500,
) -> Generator[Result, None, None]:
    """Yields `work(item)` for each item, in order; closed early, it starts nothing more.

    Args:
        work: Function of one item; for processes, one of a module, or a `partial` of one. Every process imports its
            module again.
        items: Items to work on.
        workers: Processes or threads.
        title: Title of the progress bar.
        kind: Processes where the work is computing, threads where it is waiting for a drive.
        enough: Fewer items are processed in this process, which is faster than starting others.

    Raises:
        ValueError: A process of the pool was killed.
    """
    with tqdm(total=len(items), desc=title, unit="file", disable=len(items) <= _FILES_WITHOUT_BAR) as bar:
        done = map(work, items) if workers == 1 or len(items) < enough else _side_by_side(work, items, workers, kind)
        for result in done:
            yield result
            bar.update()


def _side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, kind: Literal["processes", "threads"]
) -> Iterator[Result]:
    tasks = [items[start : start + _FILES_PER_TASK] for start in range(0, len(items), _FILES_PER_TASK)]
    with _pool(min(workers, len(tasks)), kind) as pool:
        try:
            with without_ctrl_c():
                results = pool.map(partial(_some, work), tasks)
            for some in results:
                yield from some
        except BrokenProcessPool as error:
            raise ValueError(
                "Expected every process to end by itself, but one was killed, which is often a lack of memory: "
                "free some, or call the command again with workers=1, or where it lacks that, by taskset -c 0 lssd …"
            ) from error
        except BaseException:  # the rest is not needed any more; the files that were started are finished
            pool.shutdown(cancel_futures=True)
            raise


def _pool(workers: int, kind: Literal["processes", "threads"]) -> Executor:
    if kind == "threads":
        return ThreadPoolExecutor(workers)
    context = multiprocessing.get_context("spawn")  # a copy of a process with threads may hang
    return ProcessPoolExecutor(workers, context, end_with_parent)


def _some(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Delays Ctrl-C until the processes are started, and hides it from them: this process ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
