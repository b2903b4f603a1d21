"""Logs the learning rate that every step used, as `lr`."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

__all__ = ["LearningRate"]


class LearningRate(Callback):
    """One metric: that of the group with the largest factor; others have a fixed share of it (`lr_factors`).

    Lightning's own monitor writes one column per group, under the name of the optimiser; curves of runs with different
    optimisers then lie in different panels. This one keeps one name.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        pl_module.log("lr", trainer.optimizers[0].param_groups[0]["lr"], on_step=True, on_epoch=False)
