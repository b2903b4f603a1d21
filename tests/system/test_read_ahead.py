"""Jobs are done ahead, in order, no more than was allowed, and end with whoever wanted them."""

import threading
from functools import partial

import pytest

from lightweight_ssd.system.read_ahead import done_ahead


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    assert list(done_ahead((partial(pow, number, 2) for number in range(100)), workers, 7)) == [
        number**2 for number in range(100)
    ]
    assert list(done_ahead([], workers, 3)) == []


def test_no_more_than_allowed_is_begun() -> None:
    begun: list[int] = []
    results = done_ahead((partial(begun.append, number) for number in range(100)), 2, 4)
    for _ in range(3):
        next(results)
    results.close()
    assert 3 <= len(begun) <= 3 + 4
    assert not any(thread.name.startswith("read-ahead") for thread in threading.enumerate())


def test_an_error_comes_in_its_place_and_ends_it() -> None:
    results = done_ahead([lambda: 1, lambda: 1 // 0, lambda: 3], 1, 3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_the_next_job_runs_while_a_result_is_used() -> None:
    together = threading.Barrier(2, timeout=60)
    results = done_ahead([lambda: None, together.wait], 1, 1)
    next(results)  # the second one is begun
    together.wait()  # and waits for us
    assert len(list(results)) == 1
