"""Draws the curves of a run into its folder while it trains."""

import logging
import time
from pathlib import Path

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.plots.style import save
from lightweight_ssd.plots.training_curves import training_curves
from lightweight_ssd.runs.files import CURVES_FILE
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV

__all__ = ["Curves"]

log = logging.getLogger(__name__)

_NAMES = ("train/loss", "val/loss", "val/map_50", "val/map_50_95")


class Curves(Callback):
    """Draws losses and validation mAP into `pictures/curves.png` after a validation, and at the end of the training.

    A picture takes a few tenths of a second. So that the pictures together cost at most a hundredth of the training,
    validations are passed over until a hundred times the last picture's time has gone by; the first and the last
    picture are always drawn. Without the run's own `metrics.csv` (`logger=null`) there is nothing to draw.

    Args:
        run_dir: Folder of the run.
        share: Of the time of the training that the pictures may take, above 0; 1 draws after every validation.
    """

    def __init__(self, run_dir: str, share: float = 0.01) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"Expected callbacks.curves.share above 0 and at most 1, but got {share}.")
        self.path = Path(run_dir) / CURVES_FILE
        self.share = share
        self.drawn = 0  # pictures
        self.next = 0.0  # not before this time

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Comes after the validation of the epoch, whose metrics are logged by then."""
        if time.monotonic() >= self.next:
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        own = next((each for each in trainer.loggers if isinstance(each, MetricsCSV)), None)
        if own is None or not own.rows or not trainer.is_global_zero:
            return
        began = time.monotonic()
        rows = sorted(own.rows.items())
        columns = {name: np.array([row.get(name, np.nan) for _, row in rows]) for name in _NAMES}
        columns["step"] = np.array([step for step, _ in rows], float)
        try:
            save(training_curves(columns, f"{self.path.parents[1].name}: step {trainer.global_step:,}"), self.path)
        except NotWritten as error:  # the disk is full: a checkpoint says so with what to do
            log.warning("%s", error)
        self.drawn += 1
        ended = time.monotonic()
        self.next = ended + (ended - began) * (1 / self.share - 1)
