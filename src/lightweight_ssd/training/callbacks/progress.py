"""Progress on the console: a bar in a terminal, one line per epoch where the output goes to a file."""

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

__all__ = ["Progress"]


class Progress(TQDMProgressBar):
    """Shows loss terms, and the mAP of the validation in percent.

    Args:
        refresh_rate: Batches between two updates of the bar.
        lines: True = one line per epoch and no bar; None = lines when standard error is not a terminal.
    """

    def __init__(self, refresh_rate: int = 1, lines: bool | None = None) -> None:
        self.lines = not sys.stderr.isatty() if lines is None else lines
        super().__init__(refresh_rate=0 if self.lines else refresh_rate)
        self.started = time.monotonic()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        shown = {name: value for name, value in trainer.callback_metrics.items() if name in _SHOWN}
        return {label: form(float(shown[name])) for name, (label, form) in _SHOWN.items() if name in shown}

    def on_train_epoch_start(self, trainer: Trainer, *arguments: Any) -> None:
        self.started = time.monotonic()
        super().on_train_epoch_start(trainer, *arguments)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self.lines and trainer.is_global_zero:
            total = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else "?"
            metrics = " ".join(f"{label} {value}" for label, value in self.get_metrics(trainer, pl_module).items())
            seconds = time.monotonic() - self.started
            print(
                f"epoch {trainer.current_epoch + 1}/{total} step {trainer.global_step} {metrics} {seconds:.1f} s",
                file=sys.stderr,
                flush=True,
            )


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


_SHOWN = {
    "train/loss": ("loss", _plain),
    "train/classification": ("cls", _plain),
    "train/localization": ("loc", _plain),
    "val/loss": ("val loss", _plain),
    "val/map_50": ("val mAP50", _percent),
}
