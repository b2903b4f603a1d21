"""The memory of trainings: real ones, tiny; what would take too much is estimated only."""

from pathlib import Path

import pytest
from tests.command_line import TINY

from lightweight_ssd.benchmark import memory
from lightweight_ssd.benchmark.memory import benchmark_memory, peak_memory

SMALL = {"image_sizes": [64], "precisions": ["32-true"], "overrides": [*TINY, "num_workers=1"], "steps": 1}


@pytest.mark.slow
def test_a_training_is_measured_beside_what_was_expected():
    record = benchmark_memory(batch_sizes=[4], **SMALL)
    (line,) = record.measurements
    assert line.what == "batch 4, 64×64, 32-true: measured" and line.beside == "expected"
    assert line.theirs is not None and 0.3 < line.theirs < 3 and 0.3 < line.ours < 3
    assert line.target is not None and line.target.value == 1.3


def test_what_would_take_too_much_is_not_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    monkeypatch.setattr(memory, "peak_memory", lambda *given: 1 / 0)
    record = benchmark_memory(batch_sizes=[4, 4000], **{**SMALL, "precisions": ["32-true", "bf16-mixed"]}, share=0.01)
    assert [line.what.rpartition(": ")[2] for line in record.measurements] == ["expected only"] * 4
    small, half, large, _ = (line.ours for line in record.measurements)
    assert half < small < large


@pytest.mark.slow
def test_a_training_that_cannot_begin_says_why(tmp_path: Path):
    with pytest.raises(ValueError, match=r"Expected the training to take its steps, but .*: lssd train: .*batch"):
        peak_memory(["data=shapes", "trainer.max_steps=1", "batch_size=none"], tmp_path)
    assert not list(tmp_path.iterdir())
