"""Progress on the console: a bar in a terminal, lines where the output goes to a file."""

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.task import DetectionTask

__all__ = ["Progress", "time_left"]


class Progress(TQDMProgressBar):
    """Shows loss terms, the mAP of the validation in percent, images per second and the time left.

    Images per second are those of the epoch so far, over all devices and without its validation. The time left is that
    of the whole training with its validations, from the pace since its start.

    Args:
        refresh_rate: Batches between two updates of the bar.
        lines: True = a line per epoch, and one every `every` seconds of it, and no bar; None = lines when standard
            error is not a terminal.
        every: Seconds between two lines within an epoch.
    """

    def __init__(self, refresh_rate: int = 1, lines: bool | None = None, every: float = 60.0) -> None:
        self.lines = not sys.stderr.isatty() if lines is None else lines
        super().__init__(refresh_rate=0 if self.lines else refresh_rate)
        self.every = every
        self.started = self.told = self.read = self.training_since = time.monotonic()
        self.images = self.first_step = 0

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        shown = {name: value for name, value in trainer.callback_metrics.items() if name in _SHOWN}
        metrics = {label: form(float(shown[name])) for name, (label, form) in _SHOWN.items() if name in shown}
        return {**metrics, **self._speed(trainer, pl_module)}

    def on_train_start(self, *arguments: Any) -> None:
        trainer: Trainer = arguments[0]  # then the module, which the bar does not name either
        self.training_since, self.first_step = time.monotonic(), trainer.global_step
        super().on_train_start(*arguments)

    def on_train_epoch_start(self, trainer: Trainer, *arguments: Any) -> None:
        self.started = self.told = self.read = time.monotonic()
        self.images = 0
        super().on_train_epoch_start(trainer, *arguments)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.images += len(batch.images) * trainer.world_size
        self.read = time.monotonic()
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if self.lines and self.read - self.told >= self.every:
            self.told = self.read
            self._tell(trainer, pl_module, f" batch {batch_idx + 1:,}/{trainer.num_training_batches:,}")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        if self.lines:
            self._tell(trainer, pl_module)

    def _tell(self, trainer: Trainer, pl_module: LightningModule, place: str = "") -> None:
        if not trainer.is_global_zero:
            return
        total = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else "?"
        metrics = " ".join(f"{label} {value}" for label, value in self.get_metrics(trainer, pl_module).items())
        seconds = time.monotonic() - self.started
        text = f"epoch {trainer.current_epoch + 1}/{total}{place} step {trainer.global_step} {metrics} {seconds:.1f} s"
        print(text, file=sys.stderr, flush=True)

    def _speed(self, trainer: Trainer, task: LightningModule) -> dict[str, str]:
        if not self.images or not isinstance(task, DetectionTask):
            return {}
        steps, total = trainer.global_step - self.first_step, task.total_steps
        speed = {"images/s": f"{self.images / max(self.read - self.started, 1e-9):.1f}"}
        if steps <= 0:
            return speed
        pace = (time.monotonic() - self.training_since) / steps
        return {**speed, "left": time_left(pace * max(0, total - trainer.global_step))}


def time_left(seconds: float) -> str:
    """A duration in its two largest units.

    Example:
        >>> time_left(59.4), time_left(61.0), time_left(7322.0), time_left(200_000.0)
        ('59s', '1m01s', '2h02m', '2d07h')
    """
    whole = round(seconds)
    for size, unit, smaller, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller:02d}{below}"
    return f"{whole}s"


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


_SHOWN = {
    "train/loss": ("loss", _plain),
    "train/classification": ("cls", _plain),
    "train/localization": ("loc", _plain),
    "train/objectness": ("obj", _plain),
    "val/loss": ("val loss", _plain),
    "val/map_50": ("val mAP50", _percent),
}
