"""`lssd benchmark memory`: what training takes of the memory, by batch, size and precision."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_memory")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark memory`."""
    with one_sentence_errors("lssd benchmark memory"):
        from lightweight_ssd.benchmark.memory import benchmark_memory  # here, so that `--help` does not import torch

        publish(benchmark_memory, settings_of(cfg), cfg.results)
