"""Loaders: equal shares, honest messages, and the split in use."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from lightweight_ssd.assemble import build
from lightweight_ssd.datamodule import DetectionDataModule
from tests.running import smoke_config


def _datamodule(tmp_path: Path, *overrides: str) -> DetectionDataModule:
    return build(smoke_config(tmp_path, *overrides).datamodule)


def test_batches_are_complete_and_uint8(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "batch_size=5")
    datamodule.setup("fit")
    batches = list(datamodule.train_dataloader())
    assert [len(batch.images) for batch in batches] == [5] * 4 and datamodule.batches_per_epoch == 4
    assert batches[0].images.dtype == torch.uint8 and batches[0].images.shape[1:] == (3, 64, 64)
    assert sum(len(batch.images) for batch in datamodule.val_dataloader()) == 7


def test_first_images_limits_every_split(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "datamodule.first_images=3")
    datamodule.setup("fit")
    datamodule.setup("test")
    assert {split: len(datamodule.used_annotations(split)) for split in ("train", "val", "test")} == {
        "train": 3, "val": 3, "test": 3,
    }  # fmt: skip
    assert [len(batch.images) for batch in datamodule.train_dataloader()] == [4]  # one image stands twice


def test_batch_that_the_devices_cannot_share_is_refused(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "batch_size=5")
    datamodule.setup("fit")
    datamodule.trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False)
    with pytest.raises(ValueError, match=r"batch_size=5 does not divide by the 2 devices"):
        datamodule.train_dataloader()


def test_a_split_without_objects_is_refused(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path)
    packed = datamodule.source.annotations("val")
    packed.difficult[:] = True
    only_difficult = {"class_names": packed.class_names, "annotations": lambda self, split: packed}
    datamodule.source = type("Source", (), only_difficult)()
    with pytest.raises(ValueError, match="no object that counts"):
        datamodule.setup("test")
