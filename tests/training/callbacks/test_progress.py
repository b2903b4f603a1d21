"""What the console says while a run trains."""

from unittest.mock import Mock

import torch
from lightning.pytorch import LightningModule, Trainer

from lightweight_ssd.training.callbacks.progress import Progress


def test_losses_as_they_are_and_the_map_of_the_validation_in_percent() -> None:
    metrics = {"train/loss": 1.25, "val/loss": 2.5, "val/map_50": 0.658, "test/map_50": 0.1}
    trainer = Mock(spec=Trainer, callback_metrics={name: torch.tensor(value) for name, value in metrics.items()})
    shown = Progress(lines=True).get_metrics(trainer, Mock(spec=LightningModule))
    assert shown == {"loss": "1.250", "val loss": "2.500", "val mAP50": "65.8"}
