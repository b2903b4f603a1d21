"""Whether a process still runs, also where its number belongs to another one now."""

import os
import subprocess
import sys
import time

import pytest

from lightweight_ssd.system.process import in_words, is_running, process_record


def _sleeping() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def test_this_process_runs() -> None:
    record = process_record()
    assert record["pid"] == os.getpid() and is_running(record) is True


def test_a_process_that_ended_does_not_run_even_before_its_parent_has_asked_how() -> None:
    child = _sleeping()
    record = process_record(child.pid)
    assert is_running(record) is True
    child.kill()
    end = time.monotonic() + 60
    while is_running(record) and time.monotonic() < end:
        time.sleep(0.01)
    assert is_running(record) is False, "a zombie"
    child.wait()
    assert is_running(record) is False


def test_another_process_of_the_same_number_is_not_taken_for_it() -> None:
    record = process_record()
    boot, space, ticks = record["process_started"].split("/")
    assert is_running({**record, "process_started": f"{boot}/{space}/{int(ticks) - 1}"}) is False
    assert is_running({**record, "process_started": f"00000000/{space}/{ticks}"}) is False, "before a restart"


def test_nothing_is_known_of_another_machine_or_container_or_of_no_process() -> None:
    record = process_record()
    boot, _, ticks = record["process_started"].split("/")
    assert is_running({**record, "host": "elsewhere"}) is None
    assert is_running({**record, "process_started": f"{boot}/1/{ticks}"}) is None
    assert [is_running(each) for each in ({}, {**record, "pid": "x"}, {**record, "pid": -1})] == [None] * 3


@pytest.mark.parametrize("began", [None, "", 3, "a/b"])
def test_a_record_without_a_start_is_judged_by_its_number(began: object) -> None:
    assert is_running({**process_record(), "process_started": began}) in (True, False)
    assert is_running({**process_record(), "process_started": None}) is True


def test_words_name_process_and_machine() -> None:
    assert in_words({"pid": 7, "host": "lab"}) == "process 7 on lab"
