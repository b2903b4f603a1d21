"""All benchmarks one after another, unattended, and the plot of what they have measured so far."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from lightweight_ssd.benchmark.history import plot_history, read_history
from lightweight_ssd.config.arguments import checked

__all__ = ["HISTORY_FILE", "AllBenchmarks", "Benchmark", "benchmark_all"]

HISTORY_FILE = "history.csv"  # beside the results

Benchmark = Literal["startup", "step", "evaluate", "latency", "rows", "loader", "memory", "size"]


_ALL: tuple[Benchmark, ...] = get_args(Benchmark)


class AllBenchmarks(NamedTuple):
    """What was run.

    Attributes:
        results: Markdown file with a section of each.
        history: CSV file with a line for each measurement.
        plot: PNG of each measurement with a target, over commits.
        failed: Those that ended in an error.
    """

    results: Path
    history: Path
    plot: Path
    failed: tuple[Benchmark, ...]


@checked
def benchmark_all(
    results: Path = Path("benchmarks/RESULTS.md"),
    only: Sequence[Benchmark] = _ALL,
    overrides: dict[str, list[str]] | None = None,
) -> AllBenchmarks:
    """Runs benchmarks, each in a process of its own, so that none starts with the memory or the threads of another.

    Args:
        results: Markdown file to append the sections to; `history.csv` and `history.png` lie beside it.
        only: Which, in this order; all of them take hours.
        overrides: Settings by benchmark, such as `{"latency": ["rounds=5"]}`.

    Raises:
        ValueError: For settings of a benchmark that is not run.
    """
    asked: Mapping[str, list[str]] = overrides or {}
    if unknown := sorted(set(asked) - set(only)):
        raise ValueError(f"Expected overrides for the benchmarks {', '.join(only)} but got some for {unknown[0]}.")
    failed: list[Benchmark] = [name for name in only if _run(name, results, asked.get(name, []))]
    history = results.with_name(HISTORY_FILE)
    plot = history.with_suffix(".png")
    if history.exists():
        plot_history(read_history(history), plot)
    return AllBenchmarks(results, history, plot, tuple(failed))


def _run(name: str, results: Path, overrides: Sequence[str]) -> int:
    """Its exit code."""
    print(f"lssd benchmark {name}", *overrides, flush=True)
    command = [sys.executable, "-m", "lightweight_ssd", "benchmark", name, f"results={results.absolute()}", *overrides]
    return subprocess.run(command, check=False).returncode
