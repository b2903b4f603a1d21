"""`lssd benchmark evaluate`: how long the metrics take beside pycocotools and torchmetrics."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_evaluate")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark evaluate`."""
    with one_sentence_errors("lssd benchmark evaluate"):
        from lightweight_ssd.benchmark.evaluate import (
            benchmark_evaluate,  # here, so that `--help` does not import torch
        )

        publish(benchmark_evaluate, settings_of(cfg), cfg.results)
