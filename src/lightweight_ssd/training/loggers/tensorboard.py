"""TensorBoard: event files in the run's folder, `tensorboard --logdir runs` compares all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from lightweight_ssd.training.loggers.guest import Guest, Picture, expect_package, flat, pictures_of

__all__ = ["OptionalTensorBoard"]

_FOLDER = "tensorboard"


class OptionalTensorBoard(Guest, TensorBoardLogger):
    """Lightning's logger, with one warning in place of an error, and with pictures, configuration and final results.

    A run that goes on writes into the same folder, and what an earlier part logged after the step from which it goes on
    is replaced, as in `metrics.csv`.

    Args:
        save_dir: Folder of the run; the event files lie in `tensorboard/` below it.

    Raises:
        ValueError: The package is not installed.
    """

    title = "TensorBoard"

    def __init__(self, save_dir: str) -> None:
        expect_package("tensorboard", "tensorboard")
        super().__init__(save_dir, name="", version=_FOLDER, default_hp_metric=False)

    @rank_zero_only
    def resume(self, step: int) -> None:
        self._kwargs["purge_step"] = step

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        log_metrics = super().log_metrics
        self.attempt(lambda: log_metrics(metrics, step))

    @rank_zero_only
    def save(self) -> None:
        """Lightning asks after every row; the writer flushes by itself, and its hyperparameters have a file already."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self._experiment is not None:
            self.attempt(self._experiment.close)

    def send_config(self, config: dict[str, Any], about: dict[str, Any], resumed_from: str | None) -> None:
        text = yaml.safe_dump({**about, "resumed_from": resumed_from, "config": config}, sort_keys=False)
        self.experiment.add_text("config", f"```yaml\n{text}\n```")
        self.experiment.flush()

    def send_picture(self, name: str, picture: Picture, step: int) -> None:
        self.experiment.add_image(name, picture, step, dataformats="HWC")

    def send_results(self, metrics: dict[str, float], config: dict[str, Any], run_dir: Path, step: int) -> None:
        parameters = {key: value for key, value in flat(config).items() if isinstance(value, str | int | float)}
        self.log_hyperparams(parameters, metrics, step)
        for file in pictures_of(run_dir):
            picture = np.asarray(Image.open(file).convert("RGB"))
            self.experiment.add_image(f"pictures/{file.stem}", picture, step, dataformats="HWC")
        self.experiment.close()
