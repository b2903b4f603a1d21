"""Work that is done ahead of whoever waits for it, in threads, and handed over in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["done_ahead"]

Result = TypeVar("Result")


def done_ahead(jobs: Iterable[Callable[[], Result]], workers: int, depth: int) -> Generator[Result, None, None]:
    """Yields what each job returns, in the order of the jobs, while threads work on the next ones.

    What a job raises comes in its place. Closed early, nothing more begins, and what runs is waited for.

    Args:
        jobs: Called in a thread each; one worker calls one after another. They may be without end.
        workers: Threads.
        depth: Jobs that are begun or done before their result is asked for, at least 1: what this takes of the memory.

    Example:
        >>> list(done_ahead([lambda: 1, lambda: 2], workers=2, depth=4))
        [1, 2]
    """
    waiting = iter(jobs)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    ahead: deque[Future[Result]] = deque()
    try:
        ahead.extend(pool.submit(job) for job in islice(waiting, depth))
        while ahead:
            result = ahead.popleft().result()
            ahead.extend(pool.submit(job) for job in islice(waiting, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
