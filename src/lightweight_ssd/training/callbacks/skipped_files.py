"""Counts and lists the problems because of which `data.on_bad=skip` left images out."""

import logging
from pathlib import Path
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer

from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.split_data import SplitData

__all__ = ["SKIPPED_FILE", "SkippedFiles"]

log = logging.getLogger(__name__)
SKIPPED_FILE = "skipped.json"


class SkippedFiles(Callback):
    """Collects what the readers and the loaders of all ranks left out, each file once.

    `skipped.json` in the run's folder holds one sentence for each, by split, and is written after every epoch; a run
    that is resumed adds to it. One line at the end says how many there are, each counted once although several splits
    have met it, and nothing where there is none.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir: str) -> None:
        self.path = Path(run_dir) / SKIPPED_FILE
        self.found: dict[str, dict[str, None]] = {}  # by split, in the order of their discovery
        self.printed = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.ckpt_path:  # the step is restored later
            for split, sentences in read_json(self.path).items():
                self._note(split, sentences)
        elif trainer.is_global_zero:
            self.path.unlink(missing_ok=True)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._note("train", batch.skipped)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._note("val", batch.skipped)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._note(trainer.datamodule.split, batch.skipped)  # pyright: ignore[reportAttributeAccessIssue]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._gather_and_write(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._print_count(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._gather_and_write(trainer)
        self._print_count(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._write(trainer)  # the other ranks may be gone

    def _note(self, split: str, sentences: list[str]) -> None:
        if sentences:
            self.found.setdefault(split, {}).update(dict.fromkeys(sentences))

    def _gather_and_write(self, trainer: Trainer) -> None:
        if trainer.world_size > 1:
            shares: list[Any] = [None] * trainer.world_size
            dist.all_gather_object(shares, {split: list(sentences) for split, sentences in self.found.items()})
            for share in shares:
                for split, sentences in share.items():
                    self._note(split, sentences)
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        datamodule = getattr(trainer, "datamodule", None)
        if isinstance(datamodule, DetectionDataModule | SplitData):
            for split, dataset in datamodule.datasets.items():
                self._note(split, list(dataset.annotations.skipped))
        if not self.found or not trainer.is_global_zero:
            return
        try:
            write_json(self.path, {split: list(sentences) for split, sentences in self.found.items()})
        except NotWritten as error:  # a list of files is not worth a training
            log.warning("%s", error)

    def _print_count(self, trainer: Trainer) -> None:
        count = len({sentence for sentences in self.found.values() for sentence in sentences})
        if trainer.is_global_zero and count > self.printed:
            problems = f"{count} problem{'s' * (count != 1)}"
            print(f"Images were skipped because of {problems} (data.on_bad=skip), listed in {self.path}.", flush=True)
            self.printed = count
