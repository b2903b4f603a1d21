"""What the console says while a run trains."""

import re
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from tests.running import smoke_run

from lightweight_ssd.training.callbacks.progress import Progress


def test_losses_as_they_are_and_the_map_of_the_validation_in_percent() -> None:
    metrics = {"train/loss": 1.25, "val/loss": 2.5, "val/map_50": 0.658, "test/map_50": 0.1}
    trainer = Mock(spec=Trainer, callback_metrics={name: torch.tensor(value) for name, value in metrics.items()})
    shown = Progress(lines=True).get_metrics(trainer, Mock(spec=LightningModule))
    assert shown == {"loss": "1.250", "val loss": "2.500", "val mAP50": "65.8"}


@pytest.mark.slow
def test_lines_have_images_per_second_and_the_time_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ("pictures=0", "gray_test=false", "latency=null", "coco_metric=false")
    smoke_run(tmp_path, *quick, "+callbacks.progress.lines=true", "+callbacks.progress.every=0.0001")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    ends = [line for line in lines if " batch " not in line]
    assert [re.match(r"epoch (\d)/2 step", line)[1] for line in ends] == ["1", "2"]  # pyright: ignore[reportOptionalSubscript]
    assert all(re.search(r"images/s [\d.]+ left (\d+s|\dm\d\ds) [\d.]+ s$", line) for line in ends)
    assert " left 0s " in ends[-1]
    within = [line for line in lines if " batch " in line]
    assert len(within) > 4 and re.match(r"epoch 1/2 batch 1/\d+ step 1 ", within[0])


@pytest.mark.slow
def test_the_bar_has_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ("pictures=0", "gray_test=false", "latency=null", "coco_metric=false", "trainer.max_epochs=1")
    smoke_run(tmp_path, *quick, "+callbacks.progress.lines=false")
    captured = capsys.readouterr()
    assert re.search(r"images/s=[\d.]+, left=\d+s", captured.out + captured.err)
