"""`lssd benchmark loader`: what reading and augmenting an image costs, beside decoding it and beside other loaders."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_loader")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark loader`."""
    with one_sentence_errors("lssd benchmark loader"):
        from lightweight_ssd.benchmark.loader import benchmark_loader  # here, so that `--help` does not import torch

        publish(benchmark_loader, settings_of(cfg, apart=("image_size",)), cfg.results)
