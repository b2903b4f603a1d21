"""`lssd evaluate -m`: an exit code that reports failures."""

import uuid
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.sweeps.launcher import ending_the_sweep, prepare_launcher
from lightweight_ssd.sweeps.record import read_jobs

__all__ = ["TrueExit"]


class TrueExit(Callback):
    """Ends `lssd evaluate -m` with an exit code that reports failures, in whichever processes the evaluations ran.

    Hydra makes one of these from `hydra.callbacks`. The jobs leave their records in the sweep's folder.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        with ending_the_sweep("lssd evaluate"):
            prepare_launcher(config, "lssd evaluate")
            # Another sweep may have begun in the same second, and the jobs' working directory may be another one.
            folder = Path(config.hydra.sweep.dir).absolute() / uuid.uuid4().hex[:8]
            with read_write(config):
                config.hydra.sweep.dir = str(folder)
                config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(folder)}")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        with ending_the_sweep("lssd evaluate"):
            jobs = read_jobs(Path(config.hydra.sweep.dir))
        failed = [" ".join(job.overrides) for job in jobs if job.state != "done"]
        if failed:
            raise SystemExit(f"lssd evaluate: {len(failed)} of the evaluations failed: {'; '.join(failed)}")
