"""`lssd benchmark startup`: how long a user waits for the help and for the first training step."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_startup")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark startup`."""
    with one_sentence_errors("lssd benchmark startup"):
        from lightweight_ssd.benchmark.startup import benchmark_startup  # here, so that `--help` does not import torch

        publish(benchmark_startup, settings_of(cfg), cfg.results)
