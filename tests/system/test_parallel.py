import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from lightweight_ssd.system.parallel import each_file


@pytest.fixture(autouse=True)
def other_processes_find_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def fail_at_seven(number: int) -> int:
    if number == 7:
        raise OSError("seven")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_long(number: int) -> int:
    time.sleep(0.01)
    return number


def run(work: Any, count: int, kind: Any, enough: int = 1) -> list[Any]:
    return list(each_file(work, range(count), 2, "numbers", kind, enough))


@pytest.mark.parametrize(("kind", "own"), [("processes", False), ("threads", True)])
def test_results_keep_the_order_of_the_items(kind: str, own: bool):
    results = run(square, 300, kind)
    assert [result for result, _ in results] == [number**2 for number in range(300)]
    assert ({pid for _, pid in results} == {os.getpid()}) is own


def test_few_items_stay_in_this_process():
    assert {pid for _, pid in run(square, 9, "processes", enough=10)} == {os.getpid()}
    assert run(square, 0, "processes") == []


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_an_error_reaches_the_caller(kind: str):
    with pytest.raises(OSError, match="seven"):
        run(fail_at_seven, 100, kind)


def test_a_killed_process_is_told_in_one_sentence():
    with pytest.raises(ValueError, match=r"one was killed, .* free some, or call the command again with workers=1, or"):
        run(die, 40, "processes")


@pytest.mark.slow
def test_who_stops_asking_does_not_wait_for_the_rest():
    results = each_file(wait_long, range(200_000), 2, "numbers", "threads", 1)
    assert next(results) == 0
    results.close()  # the rest would take a quarter of an hour
