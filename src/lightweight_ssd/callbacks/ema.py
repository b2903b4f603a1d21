"""An exponential moving average of the weights that is measured and saved beside the weights, never in their place."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightweight_ssd.types import EMA_KEY

__all__ = ["EMA"]


class EMA(Callback):
    """Keeps `average ← decay · average + (1 − decay) · weights` after every optimiser step.

    Validation runs on the average; so does whatever is later built from the checkpoint. A checkpoint holds the trained
    weights in `state_dict`, as without this callback, and the average under `ema_state_dict`; so a resumed run equals
    an uninterrupted one (promise G31). BatchNorm statistics are averaged like weights; counters are copied.

    Args:
        decay: Share of the old average that a step keeps, 0 to 1; None = no average is kept.
        warmup: Lets the decay grow as `min(decay, (1 + n) / (10 + n))` over the steps n, so that a short run forgets
            its random start.
    """

    def __init__(self, decay: float | None = 0.9998, warmup: bool = True) -> None:
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"Expected callbacks.ema.decay from 0 to below 1, but got {decay}.")
        self.decay = decay
        self.warmup = warmup
        self.steps = 0
        self.average: dict[str, Tensor] = {}
        self.trained: dict[str, Tensor] = {}  # holds the weights while the average stands in for them

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        weights = _weights(pl_module)
        if not self.average:
            self.average = {name: value.clone() for name, value in weights.items()}
        self.average = {name: value.to(weights[name].device) for name, value in self.average.items()}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.steps:  # gradients are being accumulated: no step was taken
            return
        self.steps = trainer.global_step
        self._update(_weights(pl_module))

    @torch.no_grad()
    def _update(self, weights: dict[str, Tensor]) -> None:
        assert self.decay is not None
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.warmup else self.decay
        floating = [name for name, value in weights.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[n] for n in floating], [weights[n] for n in floating], 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for name in weights.keys() - set(floating):
            self.average[name].copy_(weights[name])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._swap_in(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._swap_out(pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._swap_out(pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[EMA_KEY] = {name: value.clone() for name, value in self.average.items()}
        if self.trained:  # saved in the middle of a validation
            checkpoint["state_dict"].update({name: value.clone() for name, value in self.trained.items()})

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if EMA_KEY in checkpoint:
            self.average = {name: value.clone() for name, value in checkpoint[EMA_KEY].items()}
            self.steps = checkpoint["global_step"]

    def _swap_in(self, pl_module: LightningModule) -> None:
        if self.average and not self.trained:
            weights = _weights(pl_module)
            self.trained = {name: value.clone() for name, value in weights.items()}
            _copy(self.average, weights)

    def _swap_out(self, pl_module: LightningModule) -> None:
        if self.trained:
            _copy(self.trained, _weights(pl_module))
            self.trained = {}


def _weights(pl_module: LightningModule) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in pl_module.state_dict().items()}


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name in target:
        target[name].copy_(source[name])
