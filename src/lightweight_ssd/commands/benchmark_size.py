"""`lssd benchmark size`: seconds and memory that annotations take, from a thousand images to a million."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_size")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark size`."""
    with one_sentence_errors("lssd benchmark size"):
        from lightweight_ssd.benchmark.size import benchmark_size  # here, so that `--help` does not import torch

        publish(benchmark_size, settings_of(cfg), cfg.results)
