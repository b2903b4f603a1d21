"""Loaders: equal shares, honest messages, and the split in use."""

import multiprocessing
import re
import time
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from tests.cached_images import hold_up
from tests.running import smoke_config

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.split_data import SplitData


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
    datamodule.load("test")
    assert {split: len(datamodule.used_annotations(split)) for split in ("train", "val", "test")} == {
        "train": 3, "val": 3, "test": 3,
    }  # fmt: skip
    assert [len(batch.images) for batch in datamodule.train_dataloader()] == [4]  # one image stands twice


@pytest.mark.slow
def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    first, same, other = (_datamodule(tmp_path, f"data.seed={seed}") for seed in (0, 0, 1))
    first.setup("fit")
    same.setup("fit")
    other.setup("validate")  # the split that both have
    assert set(first.state_dict()) == {"train", "val"}
    same.load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match="Expected the annotations that this run started with"):
        other.load_state_dict(first.state_dict())


def test_mosaics_partners_are_among_the_first_images(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "datamodule.first_images=3", "augment=mosaic")
    datamodule.setup("fit")
    assert len(datamodule.datasets["train"]) == 3


def _bytes(datamodule: DetectionDataModule) -> list[bytes]:
    return [batch.images.numpy().tobytes() for batch in datamodule.train_dataloader()]


@pytest.mark.parametrize("cache", ["disk", "ram"])
def test_training_images_come_from_the_cache_and_others_from_their_files(tmp_path: Path, cache: str) -> None:
    plain = _datamodule(tmp_path)
    plain.setup("fit")
    kept = _datamodule(tmp_path, f"data.cache={cache}", f"data.cache_dir={tmp_path / 'caches'}")
    kept.prepare_data()
    (folder,) = (tmp_path / "caches").glob("images-*")
    made = (folder / "pixels").stat().st_mtime_ns
    kept.setup("fit")
    assert (folder / "pixels").stat().st_mtime_ns == made, "made once"
    assert kept.datasets["val"].images is None and kept.datasets["train"].images is not None
    assert _bytes(kept) == _bytes(plain), "pictures of 96 pixels are not shrunk to 2 × 64"


def test_annotations_are_read_once_for_preparing_and_setting_up(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path)
    datamodule.prepare_data()
    (folder,) = tmp_path.rglob("VOC2007/Annotations")
    for path in folder.iterdir():
        path.write_text("")
    datamodule.setup("fit")
    assert len(datamodule.used_annotations("val")) == 7


@pytest.mark.slow
def test_the_side_of_cached_images(tmp_path: Path) -> None:
    chosen = ("data.cache=disk", f"data.cache_dir={tmp_path / 'caches'}")
    for override, side in (("image_size=40", 80), ("image_size=[20, 45]", 90), ("data.cache_side=50", 50)):
        datamodule = _datamodule(tmp_path, *chosen, override)
        datamodule.setup("fit")
        images = datamodule.datasets["train"].images
        assert images is not None and images.sizes.max() == side


def test_a_test_needs_no_cache(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "data.cache=disk", f"data.cache_dir={tmp_path / 'caches'}")
    split = SplitData(datamodule, "test")
    split.prepare_data()
    split.setup("test")
    assert sum(len(batch.images) for batch in split.test_dataloader()) == 7
    assert not list(tmp_path.glob("caches/images-*"))


def test_a_source_that_skips_bad_images_makes_loaders_that_do(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "data.on_bad=skip")
    datamodule.setup("fit")
    for split in ("train", "val"):
        path = Path(datamodule.used_annotations(split)[1].path)
        path.write_bytes(path.read_bytes()[:200])
    batches = [*datamodule.train_dataloader(), *datamodule.val_dataloader()]
    skipped = {sentence for batch in batches for sentence in batch.skipped}
    assert len(skipped) == 2 and all("truncated" in sentence for sentence in skipped)


def test_a_worker_killed_while_reading_names_its_image(tmp_path: Path) -> None:
    datamodule = _datamodule(tmp_path, "num_workers=1", "augment=none")
    datamodule.setup("fit")
    loader = datamodule.train_dataloader()
    index = list(loader.sampler)[datamodule.batch_size].index  # the worker is there once the first batch is done
    path = Path(datamodule.used_annotations("train")[index].path)
    let_go = hold_up(path)
    with pytest.raises(ValueError, match=re.escape(str(path))), datamodule.naming_dead_workers():
        for _ in loader:
            _kill_the_worker_when_it_reads(datamodule, index)
    let_go()


def _kill_the_worker_when_it_reads(datamodule: DetectionDataModule, index: int) -> None:
    """One that another test left is no worker of this loader, and has noted nothing here."""
    end, notes = time.monotonic() + 300, datamodule.datasets["train"].notes
    while True:
        for worker in multiprocessing.active_children():
            if worker.pid is not None and notes.find(worker.pid) == index:
                return worker.kill()
        assert time.monotonic() < end
        time.sleep(0.01)


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
    with pytest.raises(
        ValueError, match=r"^Expected objects for test, but got 7 images, but no object that counts \(.*annotate"
    ):
        datamodule.load("test")
