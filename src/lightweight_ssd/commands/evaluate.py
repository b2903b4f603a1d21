"""`lssd evaluate`: measures a checkpoint or an exported file and leaves the same files as a run."""

import logging
import re
import subprocess
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lightweight_ssd.commands.application import run_application
from lightweight_ssd.commands.console import relaunchable
from lightweight_ssd.config.arguments import call
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.requirements import expect_devices
from lightweight_ssd.runs.checkpoints import checkpoint_file
from lightweight_ssd.runtimes.runtime import is_exported
from lightweight_ssd.sweeps.record import JobRecord, write_job
from lightweight_ssd.training.evaluation import Evaluation, default_output, evaluate
from lightweight_ssd.training.session import is_first_rank

__all__ = ["main"]


def main() -> None:
    """Entry point of `lssd evaluate`, of one detector or, with `-m`, of several in several ways."""
    run_application(_run, "evaluate", "lssd evaluate", _key)


def _key(argument: str) -> str:
    """An exported file is the model, all else a checkpoint or the folder of a run."""
    return "model" if is_exported(argument) and not Path(argument).is_dir() else "checkpoint"


def _run(cfg: DictConfig) -> float | None:
    """Measures as configured; of a sweep's job mAP at IoU 0.5, 0 to 1, or None if it failed."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return _in_own_process(cfg, list(HydraConfig.get().overrides.task))
    expect_devices(cfg.trainer, HydraConfig.get().runtime.choices.get("trainer"))
    with relaunchable("evaluate"):
        from lightweight_ssd.commands.result_tables import print_metrics

        evaluation: Evaluation = call(evaluate, cfg)
        if is_first_rank():
            print_metrics(evaluation.metrics, evaluation.output, evaluation.split, evaluation.results.chosen_on_test)
            if evaluation.precision_note:
                print(f"precision: {evaluation.precision_note}")
    return None


def _in_own_process(cfg: DictConfig, overrides: list[str]) -> float | None:
    """One job of a sweep as a plain command with a folder of its own: other ranks would repeat the whole sweep."""
    logging.getLogger("hydra").setLevel(logging.WARNING)  # its lines would repeat ours
    asked = [each for each in overrides if not each.startswith(("checkpoint=", "model=", "split=", "output="))]
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "_", "-".join(["", *asked]))[:120]
    checkpoint = checkpoint_file(str(cfg.checkpoint)) if cfg.checkpoint else None
    model = Path(str(cfg.model)) if cfg.model else None
    output = Path(f"{cfg.output or default_output(checkpoint, cfg.split, model)}{name}").absolute()
    place = f"output={quoted(output)}"
    sweep_dir, job = Path(HydraConfig.get().sweep.dir), JobRecord(HydraConfig.get().job.num, overrides, "running")
    write_job(sweep_dir, job)
    print(f"\n{' '.join(overrides)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "lightweight_ssd", "evaluate", *overrides, place], check=False)
    write_job(sweep_dir, job._replace(state="failed" if done.returncode else "done", run_dir=str(output)))
    return None if done.returncode else Evaluation(output, cfg.split).metrics.map_50
