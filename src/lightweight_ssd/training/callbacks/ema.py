"""An exponential moving average of the weights that is measured and saved beside the weights, never in their place."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lightweight_ssd.checkpoint.load import EMA_KEY

__all__ = ["EMA"]


class EMA(Callback):
    """Keeps `average ← decay · average + (1 − decay) · weights` after every optimiser step.

    Validation runs on the average; so does whatever is later built from the checkpoint. A checkpoint holds the trained
    weights in `state_dict`, as without this callback, and the average under `ema_state_dict`; so a resumed run equals
    an uninterrupted one. BatchNorm statistics are averaged like weights; counters are copied.

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
        self.start(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.steps:  # gradients are being accumulated: no step was taken
            return
        self.steps = trainer.global_step
        self.update(pl_module)

    def start(self, module: nn.Module) -> None:
        """Begins with the module's weights, unless there is an average already, which moves to the module's device."""
        weights = _weights(module)
        if not self.average:
            self.average = {name: value.clone() for name, value in weights.items()}
        self.average = {name: value.to(weights[name].device) for name, value in self.average.items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Takes the module's weights into the average, as after step number `steps`."""
        assert self.decay is not None
        weights = _weights(module)
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.warmup else self.decay
        floating = [name for name, value in weights.items() if value.is_floating_point()]
        counting = list(weights.keys() - set(floating))
        # A few kernels for all tensors together: one for each would be hundreds of launches.
        torch._foreach_lerp_([self.average[n] for n in floating], [weights[n] for n in floating], 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        if counting:
            torch._foreach_copy_([self.average[n] for n in counting], [weights[n] for n in counting])  # pyright: ignore[reportPrivateImportUsage]

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


def _weights(module: nn.Module) -> dict[str, Tensor]:
    return module.state_dict()  # detached already, and the memory of the weights themselves


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name in target:
        target[name].copy_(source[name])
