"""Start-up with the smallest training: real processes, all of which are gone afterwards."""

import math

import psutil
import pytest
from tests.command_line import TINY

from lightweight_ssd.benchmark.startup import benchmark_startup

SMALL = [
    "data=shapes", "trainer=cpu", "trainer.max_epochs=1", "logger=csv", "image_size=64", "batch_size=2",
    "num_workers=1", "augment=none", "data.image_size=64", "data.min_scale=0.3", "data.train_images=200",
    "data.val_images=2", "data.test_images=2",
]  # fmt: skip


@pytest.mark.slow
def test_help_and_first_step_are_timed():
    record = benchmark_startup(1, [*SMALL, *TINY])
    assert [line.what for line in record.measurements] == [
        "lssd --help",
        "lssd train --help",
        "lssd train, first step done, data lies there",
        "lssd train, first step done, data drawn first",
    ]
    assert [line.target.value for line in record.measurements if line.target] == [1.0, 15.0, 15.0]
    seconds = [each for line in record.measurements for each in (line.ours, line.theirs) if each is not None]
    assert len(seconds) >= len(record.measurements)
    assert all(0 < each < math.inf for each in seconds)
    assert not [child for child in psutil.Process().children(recursive=True) if _is_ours(child)]


def _is_ours(process: psutil.Process) -> bool:
    """Not a child that another test has left, which may end at any moment."""
    try:
        return "lightweight_ssd" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


@pytest.mark.slow
def test_a_training_that_cannot_begin_says_why():
    with pytest.raises(
        ValueError, match=r"Expected the training to take a step, but it ended with: lssd train: .*batch_size"
    ):
        benchmark_startup(1, [*SMALL, *TINY, "batch_size=0"])
