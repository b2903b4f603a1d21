"""`lssd benchmark loader`: what reading and augmenting an image costs, beside decoding it and beside other loaders."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark loader`."""
    run_application(_run, "benchmark_loader", "lssd benchmark loader")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.loader import benchmark_loader  # here, so that `--help` does not import torch

    publish(benchmark_loader, settings_of(cfg, apart=("image_size",)), cfg.results)
