"""`lssd benchmark latency`: one image at a time on the CPU, in every runtime, beside other detectors."""

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish, settings_of
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_latency")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark latency`."""
    with one_sentence_errors("lssd benchmark latency"):
        from lightweight_ssd.benchmark.latency import benchmark_latency  # here, so that `--help` does not import torch

        publish(benchmark_latency, settings_of(cfg, apart=("backbone", "neck")), cfg.results)
