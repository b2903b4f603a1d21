"""Analyses many large runs side by side, into the folder where a comparison then finds them.

A run of VOC's size takes some ten seconds. A process that has to be started takes one or two, so a few small runs are
left to the comparison itself.
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from lightweight_ssd.report.run_analysis import analyze_run, is_analyzed
from lightweight_ssd.runs.files import DETECTIONS_FILE, GRAY_DETECTIONS_FILE
from lightweight_ssd.system.parallel import without_ctrl_c
from lightweight_ssd.system.parent_watch import end_with_parent

__all__ = ["analyze_ahead"]

_WORTH_IT = 20e6  # bytes of detections from which on processes are started


def analyze_ahead(
    runs: Sequence[tuple[str, Path]],
    cache: Path,
    resamples: int,
    seed: int,
    workers: int | None,
    tell: Callable[[str], None],
) -> None:
    """Fills the cache in several processes if much is missing there, else leaves it as it is.

    Args:
        runs: Name and folder of each finished run.
        cache: As for `analyze_run`.
        resamples: As for `analyze_run`.
        seed: As for `analyze_run`.
        workers: Processes; None for as many as there are cores.
        tell: Called with a line for each run, in the order of `runs`.

    Raises:
        ValueError: If a process was killed.
    """
    if workers == 1 or _bytes([folder for _, folder in runs]) < _WORTH_IT:
        return
    missing = [(name, folder) for name, folder in runs if not is_analyzed(folder, cache, resamples, seed)]
    workers = min(workers or len(os.sched_getaffinity(0)), len(missing))
    if workers < 2 or _bytes([folder for _, folder in missing]) < _WORTH_IT:
        return
    tell(f"analyzing {len(missing)} runs in {workers} processes")
    work = partial(_analyze, cache=cache, resamples=resamples, seed=seed)
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # a copy of a process with threads may hang
    with ProcessPoolExecutor(workers, context, end_with_parent) as pool:
        try:
            with without_ctrl_c():
                done = pool.map(work, [folder for _, folder in missing])
            for place, _ in enumerate(done):
                tell(f"analyzed run {place + 1} of {len(missing)}: {missing[place][0]}")
        except BrokenProcessPool as error:
            raise ValueError(
                "Expected every process that analyses runs to end by itself, but one was killed, which is often a lack "
                "of memory: call lssd report again with workers=1; it goes on where it was."
            ) from error
        except BaseException:  # the rest is no longer needed
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            raise


def _analyze(folder: Path, cache: Path, resamples: int, seed: int) -> None:
    """The result stays in the cache: sending it back would cost more than reading it there."""
    analyze_run(folder, cache, resamples, seed)


def _bytes(folders: Sequence[Path]) -> int:
    paths = [folder / name for folder in folders for name in (DETECTIONS_FILE, GRAY_DETECTIONS_FILE)]
    return sum(path.stat().st_size for path in paths if path.is_file())
