"""`lssd train`: one run from a configuration to a folder that holds everything known of it, or a sweep of them."""

import math
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from lightweight_ssd.commands.application import as_exit, compose_and_run
from lightweight_ssd.commands.console import one_sentence_errors, relaunchable
from lightweight_ssd.config.batch_split import AUTO, undivided
from lightweight_ssd.config.requirements import expect_data, expect_devices, expect_objects
from lightweight_ssd.config.settings import resolved, settled
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
        compose_and_run(run, "train", "lssd train")


def run(cfg: DictConfig) -> float | None:
    """Trains as configured, or starts a process that does where this is a job of a sweep.

    Returns:
        Of a sweep's job the metric that `objective` names, 0 to 1; None if it failed. Of a plain run None.
    """
    options = HydraConfig.get().runtime.choices
    choices = {group: str(name) for group, name in options.items() if name and not group.startswith("hydra/")}
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        _refuse_auto([f"batch_size={cfg.batch_size}"])
        with as_exit("lssd train"), suppress(FileNotFoundError):  # the job says what is not there
            expect_objects(resolved(cfg))  # ends the whole sweep, whose jobs would all be in vain
        return run_in_own_process(undivided(settled(cfg, choices)), choices)
    typed = list(HydraConfig.get().overrides.task)
    expect_data(cfg.data, choices.get("data"))
    expect_objects({**resolved(cfg), "objective": ""})
    expect_devices(cfg.trainer, choices.get("trainer"))
    if hint := _grid_hint(choices.get("experiment"), HydraConfig.get().sweeper.get("params") or {}, typed):
        print(hint, flush=True)
    with relaunchable("train"):
        _run_here(cfg, choices, typed)
    return None


def _grid_hint(experiment: str | None, params: DictConfig | dict[str, str], typed: Sequence[str]) -> str:
    """What else there is of an experiment that is a table or a search; empty where a part of it was asked for."""
    keys = {each.lstrip("+~").partition("=")[0] for each in typed}
    if experiment is None or not params or keys & {str(key) for key in params}:
        return ""
    varied = OverridesParser.create().parse_overrides([f"{key}={value}" for key, value in params.items()])
    everything = f"for all: lssd train -m {shlex.join(typed)}"
    if not all(each.is_discrete_sweep() for each in varied):
        names = ", ".join(each.key_or_group for each in varied)
        return f"experiment={experiment} is a search over {names}; this is one run with their defaults; {everything}"
    count = math.prod(len(list(each.sweep_string_iterator())) for each in varied)
    return f"experiment={experiment} has {count} runs, of which this is one; {everything}"


def _run_here(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> None:
    from lightweight_ssd.commands.result_tables import print_metrics
    from lightweight_ssd.training.run import train_composed

    try:
        trained = train_composed(cfg, choices, overrides)
    except KeyboardInterrupt as stop:
        if not str(stop):  # else how to resume it has been printed
            print("lssd train: interrupted before the first step.", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    results = trained.results if is_first_rank() else None
    if results and results.test:
        print_metrics(results.test, trained.run_dir, chosen_on_it=results.chosen_on_test)
        print(f"\n{trained.summary}")


def _refuse_auto(arguments: list[str]) -> None:
    """Stops a sweep with `batch_size=auto`, typed or from an experiment file."""
    values = [argument.partition("=")[2] for argument in arguments if argument.startswith("batch_size=")]
    if any(AUTO in value.split(",") for value in values):
        raise ValueError(
            "Expected one batch_size for all jobs of a sweep, or they could not be compared, but got auto, which "
            "differs from network to network; try the largest job alone and give the number that it finds."
        )
