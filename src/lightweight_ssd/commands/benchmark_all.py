"""`lssd benchmark all`: every benchmark one after another, and a plot of each against its target over commits."""

import sys

from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.config.arguments import call

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd benchmark all`; ends with code 1 if any of them failed."""
    run_application(_run, "benchmark_all", "lssd benchmark all")


def _run(cfg: DictConfig) -> None:
    from lightweight_ssd.benchmark.all import benchmark_all

    done = call(benchmark_all, cfg)
    print(f"results: {done.results}\nhistory: {done.history}, drawn in {done.plot}")
    if done.failed:
        print(f"lssd benchmark all: {', '.join(done.failed)} failed, see above.", file=sys.stderr)
        raise SystemExit(1)
