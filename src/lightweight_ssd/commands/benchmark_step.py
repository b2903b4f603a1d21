"""`lssd benchmark step`: what a training step adds to forward and backward, beside other detectors."""

import inspect

import hydra
from omegaconf import DictConfig

from lightweight_ssd.commands.benchmark_results import publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

__all__ = ["main"]


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_step")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark step`."""
    with one_sentence_errors("lssd benchmark step"):
        from lightweight_ssd.benchmark.step import benchmark_step  # here, so that `--help` does not import torch

        own = [name for name in inspect.signature(benchmark_step).parameters if name != "config"]
        publish(benchmark_step, {"config": cfg, **{name: cfg[name] for name in own}}, cfg.results)
