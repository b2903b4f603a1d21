"""How far validation and test are, for a log file: a pass over thousands of images on a CPU takes many minutes."""

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.tensor_types import Batch

__all__ = ["EvaluationLines"]


class EvaluationLines(Callback):
    """Prints a line every minute of a validation or a test to standard error.

    Args:
        every: Seconds between two lines.
    """

    def __init__(self, every: float = 60.0) -> None:
        self.every = every
        self._start()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._count(trainer, batch, "validation", trainer.num_val_batches)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        stage = str(getattr(pl_module, "stage", "test"))
        self._count(trainer, batch, stage.replace("_gray", " in grayscale"), trainer.num_test_batches)

    def _start(self) -> None:
        self.started = self.told = time.monotonic()
        self.images = self.batch = 0

    def _count(self, trainer: Trainer, batch: Batch, what: str, batches: list[int | float]) -> None:
        """Images of all processes, which have equally many batches each, of one size but for the last."""
        self.batch = self.batch or len(batch.images) * trainer.world_size
        self.images += len(batch.images) * trainer.world_size
        now = time.monotonic()
        if now - self.told < self.every or not trainer.is_global_zero:
            return
        self.told = now
        data: Any = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
        size = len(data.datasets[getattr(data, "split", "val")])
        total = int(min(sum(batches) * self.batch, size))
        done = min(self.images, total)
        print(f"{what}: {done:,} of {total:,} images, {now - self.started:.0f} s", file=sys.stderr, flush=True)
