"""`lssd benchmark rows`: one image through the detector of each row of a table, on the CPU, in turns."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark rows`."""
    run_application(_run, "benchmark_rows", "lssd benchmark rows")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.rows import benchmark_rows  # here, so that `--help` does not import torch

    publish(benchmark_rows, settings_of(cfg), cfg.results)
