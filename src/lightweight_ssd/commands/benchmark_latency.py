"""`lssd benchmark latency`: one image at a time on the CPU, in every runtime, beside other detectors."""

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish, settings_of

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark latency`."""
    run_application(_run, "benchmark_latency", "lssd benchmark latency")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.latency import benchmark_latency  # here, so that `--help` does not import torch

    publish(
        benchmark_latency,
        settings_of(cfg, apart=("backbone", "neck", "classification", "loss", "criterion", "optim")),
        cfg.results,
    )
