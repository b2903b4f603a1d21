"""Ctrl-C and SIGTERM end a run at the next batch, with a checkpoint from which it resumes exactly."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.signals import Interrupted
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV

__all__ = ["Interrupt"]


class Interrupt(Callback):
    """Turns SIGINT and SIGTERM into a checkpoint and `Interrupted`; a second signal ends the process at once.

    An exception in the middle of a batch would leave weights and counters that do not belong together, so the signal is
    only noted, and acted on where both agree: at the end of a batch, on all ranks together. A validation that is cut
    off is repeated as a whole: Lightning would skip it after a checkpoint of the epoch's last batch, so the checkpoint
    is that of the batch before.

    Lightning logs a batch after its end, that is after the checkpoint. Until the row is in the record the checkpoint
    waits under another name: a run that is killed in between resumes from the one before, and no row is lost.

    In a test, too, the run stops at the end of a batch; the test is repeated as a whole.

    Args:
        path: Checkpoint file to write.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.waiting = self.path.with_name(f"{self.path.name}.waiting")
        self.received: int | None = None
        self.stopping = False
        self.is_waiting = False
        self.previous: dict[int, Any] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()
        if trainer.is_global_zero:
            self.waiting.unlink(missing_ok=True)  # of a process that was killed

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        batches = int(trainer.num_training_batches)
        validates = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
        before_last, is_last = validates and batch_idx == batches - 2, validates and batch_idx == batches - 1
        self.stopping = self._asked(trainer)
        if before_last or (self.stopping and (not is_last or batches == 1)):
            trainer.save_checkpoint(self.waiting)
            self.is_waiting = True

    # The losses of a batch are logged after its end, so the run stops at whatever comes next.
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._stop_if_asked(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop_if_asked(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop_if_asked(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not trainer.sanity_checking:
            self.stopping = self._asked(trainer)
            self._stop_if_asked(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.stopping = self._asked(trainer)
        self._stop_if_asked(trainer, " in the test")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.stopping = self._asked(trainer)
        self._stop_if_asked(trainer, " after the test")

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self.previous.setdefault(number, signal.signal(number, self._note))

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number

    def _asked(self, trainer: Trainer) -> bool:
        asked = self.received is not None
        return trainer.strategy.reduce_boolean_decision(asked, all=False) if trainer.world_size > 1 else asked

    def _stop_if_asked(self, trainer: Trainer, where: str = "") -> None:
        if self.is_waiting:
            self._put_in_place(trainer)
        if not self.stopping:
            return
        name = signal.Signals(self.received).name if self.received else "a signal to another process"
        raise Interrupted(f"stopped by {name}{where} at step {trainer.global_step}")

    def _put_in_place(self, trainer: Trainer) -> None:
        self.is_waiting = False
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                if isinstance(logger, MetricsCSV):
                    logger.flush()
            try:
                self.waiting.replace(self.path)
            except OSError as error:
                raise NotWritten(
                    f"Expected to rename {self.waiting} to {self.path.name}, but got '{error.strerror}': make the "
                    "folder writable, then resume the run; the previous checkpoint there is untouched."
                ) from error
