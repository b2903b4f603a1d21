"""How fast `lssd train` takes its steps, with its own loop, logging and callbacks around them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.pytorch import Callback
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.stages import Parts, prepare

__all__ = ["images_per_second", "loop_seconds", "steps_when_fed"]

_TIMES_READY = 5  # timed steps for each batch that was ready at the start


class _Resident(DetectionDataModule):
    """A data module that repeats one batch, which is on the device already.

    Args:
        datamodule: Data module that it replaces; nothing is read from its source.
        batch: Batch on the device.
        steps: Batches of an epoch.
        around: Called before each batch and after the last step.
    """

    def __init__(self, datamodule: DetectionDataModule, batch: Batch, steps: int, around: Callable[[], object]) -> None:
        super().__init__(datamodule.source, datamodule.augment, datamodule.resize, len(batch.images))
        self.batch = batch
        self.steps = steps
        self.around = around

    def prepare_data(self) -> None:
        """Does nothing."""

    def setup(self, stage: str) -> None:
        """Does nothing."""

    @property
    def batches_per_epoch(self) -> int:
        return self.steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.steps):
            self.around()
            yield self.batch
        self.around()

    def train_dataloader(self) -> Any:
        return self

    def val_dataloader(self) -> Any:
        return []  # without it Lightning warns


class _Clock(Callback):
    """Takes the time at the end of the warm-up steps and at the end of all steps."""

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self.started = self.ended = 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.warmup:
            _synchronize()
            self.started = time.perf_counter()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        _synchronize()
        self.ended = time.perf_counter()


def loop_seconds(
    cfg: DictConfig, batch: Batch, bare: Callable[[], object], steps: int, warmup: int
) -> tuple[list[float], list[float]]:
    """Trains on one batch and, between any two steps, runs the bare network, so that load slows both alike.

    Args:
        cfg: Configuration of `lssd train`, with `run_dir` set.
        batch: Batch on the device.
        bare: Forward and backward alone, of another copy of the network.
        steps: Timed steps.
        warmup: Steps before the clock counts.

    Returns:
        Seconds of each step inside the loop, and of each bare call.
    """
    whole, alone, left = [], [], []

    def around() -> None:
        _synchronize()
        now = time.perf_counter()
        if left:
            whole.append(now - left[-1])
        bare()
        _synchronize()
        left.append(time.perf_counter())
        alone.append(left[-1] - now)

    parts = _parts(cfg, warmup + steps + 1)
    parts.trainer.fit(parts.task, _Resident(parts.datamodule, batch, warmup + steps + 1, around))
    return whole[warmup : warmup + steps], alone[warmup : warmup + steps]


def images_per_second(cfg: DictConfig, batch: Batch | None, steps: int, warmup: int) -> float:
    """The rate of training, without validation.

    Args:
        cfg: Configuration of `lssd train`, with `run_dir` set.
        batch: Batch on the device that alone is trained on; None = the configured data is read.
        steps: Timed steps; more where data is read, see `steps_when_fed`.
        warmup: Steps before the clock counts, in which workers start and the device selects kernels; at least 1.

    Returns:
        Images per second.
    """
    if batch is None:
        steps, warmup = steps_when_fed(cfg, steps, warmup)
    parts, clock = _parts(cfg, warmup + steps), _Clock(warmup)
    parts.trainer.callbacks.append(clock)  # pyright: ignore[reportAttributeAccessIssue]
    data = parts.datamodule
    parts.trainer.fit(parts.task, data if batch is None else _Resident(data, batch, warmup + steps, int))
    return steps * parts.task.total_batch / (clock.ended - clock.started)


def steps_when_fed(cfg: DictConfig, steps: int, warmup: int) -> tuple[int, int]:
    """Timed steps and warm-up steps, enough to measure how fast data is read and not how much was ready at the start.

    Args:
        cfg: Configuration of `lssd train`.
        steps: Least number of timed steps.
        warmup: Warm-up steps, beside those that consume what is ready at the start.
    """
    ready = build(cfg.datamodule).ready_batches
    return max(steps, _TIMES_READY * ready), warmup + ready


def _parts(cfg: DictConfig, steps: int) -> Parts:
    """The parts of a training run of so many steps, without validation and checkpoints."""
    cfg = cfg.copy()
    cfg.trainer = {**cfg.trainer, "max_steps": steps, "max_epochs": -1, "limit_val_batches": 0}
    return prepare(OmegaConf.to_container(cfg, resolve=True))  # pyright: ignore[reportArgumentType]


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
