"""Keeps `status.json` up to date while a run trains."""

import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.runs.status import read_status, write_status
from lightweight_ssd.training.task import DetectionTask

__all__ = ["ReportStatus"]


class ReportStatus(Callback):
    """Writes progress, the latest mAP and the time left, every few seconds, after every validation and at the end.

    Args:
        run_dir: Folder of the run.
        every: Seconds between two writes.
    """

    def __init__(self, run_dir: str, every: float = 5.0) -> None:
        self.run_dir = Path(run_dir)
        self.every = every
        self.started = time.monotonic()
        self.first_step = 0
        self.before = 0.0  # seconds of the earlier parts of a resumed run
        self.written = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started, self.first_step = time.monotonic(), trainer.global_step
        self.before = read_status(self.run_dir).get("seconds", 0.0) if self.first_step else 0.0
        self._write(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_first = trainer.global_step <= self.first_step + 1  # by which a run is told from a start that failed
        if is_first or time.monotonic() - self.written > self.every:
            self._write(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer, pl_module)

    def _write(self, trainer: Trainer, task: LightningModule) -> None:
        if not trainer.is_global_zero or not isinstance(task, DetectionTask):
            return
        self.written = time.monotonic()
        step, total = trainer.global_step, task.total_steps
        pace = (self.written - self.started) / max(1, step - self.first_step)
        latest = trainer.callback_metrics.get("val/map_50")
        write_status(
            self.run_dir,
            state="running",
            epoch=trainer.current_epoch,
            step=step,
            total_steps=total,
            seconds=self.before + self.written - self.started,
            seconds_left=round(pace * (total - step)) if step > self.first_step else None,
            map_50=None if latest is None else float(latest),
        )
