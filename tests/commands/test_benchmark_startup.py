"""`lssd benchmark startup` on the smallest training: real processes, all of which are gone afterwards."""

import math

import psutil
import pytest
from tests.command_line import TINY, run_command

from lightweight_ssd.commands.benchmark_startup import measure

SMALL = [
    "data=shapes", "trainer=cpu", "trainer.max_epochs=1", "logger=csv", "image_size=64", "batch_size=2",
    "num_workers=1", "augment=none", "data.image_size=64", "data.min_scale=0.3", "data.train_images=200",
    "data.val_images=2", "data.test_images=2",
]  # fmt: skip


@pytest.mark.slow
def test_help_and_first_step_are_timed():
    record = measure([*SMALL, *TINY], rounds=1)
    assert [figure.what for figure in record.figures] == [
        "lssd --help",
        "lssd train --help",
        "lssd train, first step done, data lies there",
        "lssd train, first step done, data drawn first",
    ]
    assert [figure.target.value for figure in record.figures if figure.target] == [1.0, 15.0, 15.0]
    seconds = [each for figure in record.figures for each in (figure.ours, figure.theirs) if each is not None]
    assert len(seconds) >= len(record.figures)
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
        ValueError, match=r"Expected a training that takes a step but it said: lssd train: .*batch_size"
    ):
        measure([*SMALL, *TINY, "batch_size=0"], rounds=1)


def test_bad_setting_gets_one_sentence(monkeypatch, capsys):
    ended = run_command(monkeypatch, capsys, "benchmark", "startup", "rounds=0", "results=null")
    assert ended.code == 1
    assert "Expected rounds as a whole number of at least 1 but got 0." in ended.err
