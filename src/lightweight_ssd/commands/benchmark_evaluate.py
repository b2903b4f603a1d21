"""`lssd benchmark evaluate`: how long the metrics take beside pycocotools and torchmetrics."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark evaluate`."""
    run_application(_run, "benchmark_evaluate", "lssd benchmark evaluate")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.evaluate import (
        benchmark_evaluate,  # here, so that `--help` does not import torch
    )

    publish(benchmark_evaluate, settings_of(cfg), cfg.results)
