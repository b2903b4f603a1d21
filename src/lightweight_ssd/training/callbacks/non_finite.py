"""A loss that is not finite stops the run and says where it came from."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightweight_ssd.tensor_types import Batch

__all__ = ["NonFiniteLoss"]

_PREFIX = "term/"


class NonFiniteLoss(Callback):
    """Raises when a loss is NaN or infinite, naming the step, the terms and the images of the batch.

    On a GPU the check looks at the batch before the present one, whose loss is known by then, so that the step never
    waits. The weights may have taken that one step; no checkpoint is written after it, since saving looks first at the
    batch that is waiting. For that this callback comes before all others that save.

    Raises:
        ValueError: On every rank, naming the images of the ranks on which the loss was not finite.
    """

    def __init__(self) -> None:
        self.waiting: tuple[int, dict[str, Tensor], list[str]] | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        terms = {name.removeprefix(_PREFIX): value for name, value in outputs.items() if name.startswith(_PREFIX)}
        current = (trainer.global_step, terms, [known.path for known in batch.annotations])
        if pl_module.device.type == "cuda":
            current, self.waiting = self.waiting, current
        if current is not None:
            _check(trainer, *current)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check_waiting(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self._check_waiting(trainer)

    def _check_waiting(self, trainer: Trainer) -> None:
        if self.waiting is not None:
            current, self.waiting = self.waiting, None
            _check(trainer, *current)


def _check(trainer: Trainer, step: int, terms: dict[str, Tensor], paths: list[str]) -> None:
    bad = not bool(torch.isfinite(torch.stack(list(terms.values()))).all())
    somewhere = trainer.strategy.reduce_boolean_decision(bad, all=False) if trainer.world_size > 1 else bad
    if not somewhere:
        return
    found = {name: value.item() for name, value in terms.items()}
    where = f"on the images {', '.join(paths)}" if bad else "on another rank"
    raise ValueError(
        f"The loss was not finite at step {step}: {found} {where}; "
        "lower optim.lr, set trainer.gradient_clip_val, or look at these images and their boxes."
    )
