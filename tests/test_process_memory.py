import os
from pathlib import Path

import numpy as np
import pytest

from lightweight_ssd.process_memory import memory, total


def test_what_a_process_takes_shows_in_every_figure() -> None:
    before = memory()
    taken = np.ones(30_000_000, np.uint8)
    after = memory()
    assert len(taken) == 30_000_000
    assert all(later - earlier > 25e6 for earlier, later in zip(before, after, strict=True))
    assert after.unique <= after.proportional <= after.resident


def test_processes_add_up() -> None:
    both = total([os.getpid(), os.getpid()])
    assert both.resident == pytest.approx(2 * memory().resident, rel=0.1)
    assert total([]) == (0, 0, 0)


def test_where_the_system_does_not_tell_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"memory figures of process 1, but .*: measure on Linux"):
        memory(1, proc=tmp_path)
