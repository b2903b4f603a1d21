"""`lssd train`: one run from a configuration to a folder that holds everything known of it."""

import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors, quiet_frameworks, relaunchable
from lightweight_ssd.config.monitors import check_figures
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.runs.folder import write_provenance
from lightweight_ssd.runs.identity import check_is_the_run, identify
from lightweight_ssd.runs.results import metric_of
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.status import FINISHED, read_status
from lightweight_ssd.sweeps.job import run_in_own_process
from lightweight_ssd.sweeps.launcher import expect_plugins
from lightweight_ssd.sweeps.sweep import reporting_sweep
from lightweight_ssd.system.signals import stop_with_parent
from lightweight_ssd.training.session import AUTO, RANK_VARIABLES, is_first_rank, placed, settle_batch_size, status_of

__all__ = ["main", "run", "train"]


def main() -> None:
    """Entry point of `lssd train`, one run or, with `-m`, a sweep of them."""
    stop_with_parent()
    expect_plugins()
    with one_sentence_errors("lssd train"), reporting_sweep():
        if {"-m", "--multirun"} & set(sys.argv):
            _refuse_auto(sys.argv)  # before any job begins
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="train")(run)()


def run(cfg: DictConfig) -> float | None:
    """Trains as configured, or starts a process that does where this is a job of a sweep.

    Returns:
        mAP at IoU 0.5 on the test split; of a sweep's job the figure that `objective` names. 0 to 1; None if it failed.
    """
    options = HydraConfig.get().runtime.choices
    choices = {group: str(name) for group, name in options.items() if name and not group.startswith("hydra/")}
    cfg.experiment_name = cfg.experiment_name or choices.get("experiment") or "adhoc"
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        _refuse_auto([f"batch_size={cfg.batch_size}"])
        return run_in_own_process(cfg, choices)
    with one_sentence_errors("lssd train"):
        return _run_here(cfg, choices, list(HydraConfig.get().overrides.task))


def _run_here(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> float | None:
    try:
        settle_batch_size(cfg)
        with placed(cfg, choices, overrides) as resume_from:
            run_dir = Path(cfg.run_dir)
            if cfg.resume == "auto" and read_status(run_dir).get("state") == FINISHED:
                check_is_the_run(cfg, run_dir)
                print(f"Nothing to do: this run is finished, its figures are in {run_dir / 'results.json'}.")
                return metric_of(read_results(run_dir), "map_50")
            check_figures(cfg, overrides)  # before there is a folder that would look like a run
            with status_of(run_dir), relaunchable("train"):
                return train(cfg, choices, overrides, resume_from)
    finally:  # the next run of this process has a folder of its own
        for name in RANK_VARIABLES:
            os.environ.pop(name, None)


def train(cfg: DictConfig, choices: dict[str, str], overrides: list[str], resume_from: Path | None) -> float:
    """Fits, tests the best checkpoint, and writes all files of the run.

    Args:
        cfg: The whole configuration, with `run_dir` set.
        choices: Option per config group, for tags.
        overrides: As the user typed them, for the record.
        resume_from: Checkpoint to go on from, or None.

    Returns:
        mAP at IoU 0.5 on the test split, 0 to 1.
    """
    from lightning.pytorch import seed_everything

    from lightweight_ssd.commands.result_tables import print_result
    from lightweight_ssd.training.loggers import wandb_run
    from lightweight_ssd.training.stages import checkpoint_to_test, fit, measure, measure_gray, prepare, write_run

    quiet_frameworks()
    run_dir = Path(cfg.run_dir)
    wandb_run.name_run(cfg, choices)
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # pyright: ignore[reportAssignmentType]
    identity = identify(cfg, choices, overrides)
    if is_first_rank():
        write_provenance(run_dir, config, overrides, identity)
        print(f"run folder: {run_dir}", flush=True)
    seed_everything(cfg.seed, verbose=False)
    with wandb_run.closed_at_the_end():
        parts = prepare(cfg, config, resume_from)
        wandb_run.log_config(parts.trainer, config, identity, resume_from)
        training = fit(parts, resume_from)
        best = checkpoint_to_test(parts, run_dir)
        result = measure(parts, best)
        gray = measure_gray(parts, config) if cfg.gray_test else None
        if parts.trainer.is_global_zero:
            about = {**identity, "checkpoint": str(best), "training": training}
            write_run(run_dir, parts, config, result, about, gray=gray)
            wandb_run.log_result(parts.trainer, result, run_dir)
            print_result(result, run_dir, parts.task.last_coco)
    return result.map_50


def _refuse_auto(arguments: list[str]) -> None:
    """Stops a sweep with `batch_size=auto`, typed or from an experiment file."""
    values = [argument.partition("=")[2] for argument in arguments if argument.startswith("batch_size=")]
    if any(AUTO in value.split(",") for value in values):
        raise ValueError(
            "Expected one batch_size for all jobs of a sweep, or they could not be compared, but got auto, which "
            "differs from network to network; try the largest job alone and give the number that it finds."
        )
