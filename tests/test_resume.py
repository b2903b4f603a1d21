"""A run that was stopped and resumed ends like one that was not: weights, average, rate and record."""

import os
import signal
from pathlib import Path

import pytest
import torch

from lightweight_ssd.criterion.ssd import SSDCriterion
from lightweight_ssd.system.signals import Interrupted
from lightweight_ssd.training.task import DetectionTask
from tests.running import smoke_run

pytestmark = pytest.mark.slow

OPTIONS = ("trainer.max_epochs=3", "callbacks.ema.decay=0.9", "augment=gray_mix_rgb_mosaic", "num_workers=1")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    smoke_run(folder, *OPTIONS, run_dir="whole")
    return folder


# 18 training batches in three epochs of six, two validation batches after each: a batch in the middle of an epoch,
# the last one of an epoch, and one in the middle of a validation.
@pytest.mark.parametrize(("part", "call"), [("train", 8), ("train", 12), ("validation", 3)])
def test_resumed_equals_uninterrupted(
    uninterrupted: Path, monkeypatch: pytest.MonkeyPatch, part: str, call: int
) -> None:
    run_dir = f"{part}{call}"
    with monkeypatch.context() as patched:
        _interrupt_at(patched, part, call)
        with pytest.raises(Interrupted):
            smoke_run(uninterrupted, *OPTIONS, run_dir=run_dir)
    last = uninterrupted / run_dir / "checkpoints" / "last.ckpt"
    smoke_run(uninterrupted, *OPTIONS, run_dir=run_dir, resume_from=last)

    whole = _checkpoint(uninterrupted / "whole")
    resumed = _checkpoint(uninterrupted / run_dir)
    for key in ("state_dict", "ema_state_dict"):
        assert whole[key].keys() == resumed[key].keys()
        assert all(torch.equal(whole[key][name], resumed[key][name]) for name in whole[key])
    assert whole["lr_schedulers"] == resumed["lr_schedulers"]
    assert whole["global_step"] == resumed["global_step"] == 18
    record = [(uninterrupted / folder / "metrics.csv").read_text() for folder in ("whole", run_dir)]
    assert record[0] == record[1]


def test_deterministic_runs_are_bit_equal(uninterrupted: Path) -> None:
    """Bit-equal, with another number of loader workers, since a sample depends on seed, epoch and position only."""
    smoke_run(uninterrupted, *OPTIONS, "num_workers=0", run_dir="again")
    whole, again = _checkpoint(uninterrupted / "whole"), _checkpoint(uninterrupted / "again")
    assert all(torch.equal(whole["state_dict"][name], again["state_dict"][name]) for name in whole["state_dict"])


def _interrupt_at(patched: pytest.MonkeyPatch, part: str, call: int) -> None:
    """Sends this process a real SIGINT during the given training or validation batch."""
    owner, name = (SSDCriterion, "forward") if part == "train" else (DetectionTask, "validation_step")
    original, calls = getattr(owner, name), [0]

    def counted(self, *arguments):
        if part == "validation" or self.training:
            calls[0] += 1
            if calls[0] == call:
                os.kill(os.getpid(), signal.SIGINT)
        return original(self, *arguments)

    patched.setattr(owner, name, counted)


def _checkpoint(run_dir: Path) -> dict:
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
