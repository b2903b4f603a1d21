import math
from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from lightweight_ssd.training.callbacks.curves import Curves
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV


def trainer_of(folder: Path, steps: int) -> tuple[Trainer, MetricsCSV]:
    logger = MetricsCSV(str(folder))
    for step in range(steps):
        logger.log_metrics({"train/loss": math.exp(-step / 50)}, step)
        if step % 20 == 19:
            logger.log_metrics({"val/loss": 0.5, "val/map_50": step / 200, "val/map_50_95": step / 400}, step)
    return Trainer(logger=logger, accelerator="cpu", default_root_dir=folder, enable_model_summary=False), logger


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_the_picture_grows_with_the_record(tmp_path: Path) -> None:
    curves, path = Curves(str(tmp_path), share=1.0), tmp_path / "pictures" / "curves.png"
    trainer, logger = trainer_of(tmp_path, 30)
    curves.on_train_epoch_end(trainer, LightningModule())
    first = pixels(path)
    for step in range(30, 90):
        logger.log_metrics({"train/loss": 0.4, "val/map_50": 0.7}, step)
    curves.on_train_epoch_end(trainer, LightningModule())
    assert curves.drawn == 2 and not np.array_equal(first, pixels(path))


def test_a_picture_waits_until_it_costs_no_more_than_its_share(tmp_path: Path) -> None:
    curves, (trainer, _) = Curves(str(tmp_path)), trainer_of(tmp_path, 30)
    for _ in range(5):
        curves.on_train_epoch_end(trainer, LightningModule())
    assert curves.drawn == 1, "a hundred times the time of the first has not gone by"
    curves.on_train_end(trainer, LightningModule())
    assert curves.drawn == 2, "the last picture is always drawn"


def test_without_a_record_there_is_no_picture(tmp_path: Path) -> None:
    curves, trainer = Curves(str(tmp_path)), Trainer(logger=False, accelerator="cpu", default_root_dir=tmp_path)
    curves.on_train_end(trainer, LightningModule())
    assert curves.drawn == 0 and not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("share", [0.0, -1.0, 2.0])
def test_a_share_that_makes_no_sense_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"Expected callbacks\.curves\.share above 0 and at most 1"):
        Curves("run", share)
