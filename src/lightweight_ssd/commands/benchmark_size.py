"""`lssd benchmark size`: seconds and memory that annotations take, from a thousand images to a million."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark size`."""
    run_application(_run, "benchmark_size", "lssd benchmark size")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.size import benchmark_size  # here, so that `--help` does not import torch

    publish(benchmark_size, settings_of(cfg), cfg.results)
