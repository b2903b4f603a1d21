"""`lssd benchmark startup`: how long a user waits for the help and for the first training step."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark startup`."""
    run_application(_run, "benchmark_startup", "lssd benchmark startup")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.startup import benchmark_startup  # here, so that `--help` does not import torch

    publish(benchmark_startup, settings_of(cfg), cfg.results)
