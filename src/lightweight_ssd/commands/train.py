"""`lssd train`: one run from a configuration to a folder that holds everything known of it, or a sweep of them."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lightweight_ssd.commands.console import one_sentence_errors, relaunchable
from lightweight_ssd.config.batch_split import AUTO, undivided
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.config.settings import settled
from lightweight_ssd.sweeps.job import run_in_own_process
from lightweight_ssd.sweeps.launcher import expect_plugins
from lightweight_ssd.sweeps.sweep import reporting_sweep
from lightweight_ssd.system.signals import INTERRUPTED_EXIT_CODE, stop_with_parent
from lightweight_ssd.training.session import is_first_rank

__all__ = ["main", "run"]


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
        Of a sweep's job the metric that `objective` names, 0 to 1; None if it failed. Of a plain run None.
    """
    options = HydraConfig.get().runtime.choices
    choices = {group: str(name) for group, name in options.items() if name and not group.startswith("hydra/")}
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        _refuse_auto([f"batch_size={cfg.batch_size}"])
        return run_in_own_process(undivided(settled(cfg, choices)), choices)
    with one_sentence_errors("lssd train"), relaunchable("train"):
        _run_here(cfg, choices, list(HydraConfig.get().overrides.task))
    return None


def _run_here(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> None:
    from lightweight_ssd.commands.result_tables import print_metrics
    from lightweight_ssd.training.run import train_composed

    try:
        trained = train_composed(cfg, choices, overrides)
    except KeyboardInterrupt as stop:
        if not str(stop):  # else how to resume it has been printed
            print("lssd train: interrupted before the first step.", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    metrics = trained.results.test if is_first_rank() else None
    if metrics:
        print_metrics(metrics, trained.run_dir)


def _refuse_auto(arguments: list[str]) -> None:
    """Stops a sweep with `batch_size=auto`, typed or from an experiment file."""
    values = [argument.partition("=")[2] for argument in arguments if argument.startswith("batch_size=")]
    if any(AUTO in value.split(",") for value in values):
        raise ValueError(
            "Expected one batch_size for all jobs of a sweep, or they could not be compared, but got auto, which "
            "differs from network to network; try the largest job alone and give the number that it finds."
        )
