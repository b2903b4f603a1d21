"""`lssd benchmark step`: what a training step adds to forward and backward, beside other detectors."""

import inspect

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.benchmark_results import publish
from lightweight_ssd.config.requirements import expect_devices

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark step`."""
    run_application(_run, "benchmark_step", "lssd benchmark step")


def _run(cfg: DictConfig) -> None:
    expect_devices(cfg.trainer, HydraConfig.get().runtime.choices.get("trainer"))
    from lightweight_ssd.benchmark.step import benchmark_step  # here, so that `--help` does not import torch

    own = [name for name in inspect.signature(benchmark_step).parameters if name != "config"]
    publish(benchmark_step, {"config": cfg, **{name: cfg[name] for name in own}}, cfg.results)
