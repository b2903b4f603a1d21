"""`lssd train`: one run from a configuration to a folder that holds everything known of it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import INTERRUPTED_EXIT_CODE, one_sentence_errors, quiet_frameworks, relaunchable
from lightweight_ssd.config.monitors import check_figures
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.runs.folder import LAST_CHECKPOINT, choose_run_dir, slug, write_provenance
from lightweight_ssd.runs.identity import check_is_the_run, content_of, identify
from lightweight_ssd.runs.status import FINISHED, read_results, read_status, write_status
from lightweight_ssd.sweeps.job import run_in_own_process
from lightweight_ssd.sweeps.launcher import expect_plugins
from lightweight_ssd.sweeps.sweep import reporting_sweep
from lightweight_ssd.system.file_lock import holder, try_to_lock_run
from lightweight_ssd.system.signals import stop_with_parent

__all__ = ["main", "run", "train"]

# Lightning starts the other ranks of a machine as new processes; they inherit where the first one writes.
_RUN_DIR, _RESUME_FROM, _BATCH_SIZE = "LSSD_RUN_DIR", "LSSD_RESUME_FROM", "LSSD_BATCH_SIZE"

_AUTO = "auto"  # of batch_size: what fits into the GPU's memory


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
        _settle_batch_size(cfg)
        with _placed(cfg, choices, overrides) as resume_from:
            run_dir = Path(cfg.run_dir)
            if cfg.resume == "auto" and read_status(run_dir).get("state") == FINISHED:
                check_is_the_run(cfg, run_dir)
                print(f"Nothing to do: this run is finished, its figures are in {run_dir / 'results.json'}.")
                return read_results(run_dir).get("test", {}).get("map_50")
            check_figures(cfg, overrides)  # before there is a folder that would look like a run
            with _status(run_dir), relaunchable("train"):
                return train(cfg, choices, overrides, resume_from)
    finally:  # the next run of this process has a folder of its own
        for name in (_RUN_DIR, _RESUME_FROM, _BATCH_SIZE):
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
    if _is_first_rank():
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
    if any(_AUTO in value.split(",") for value in values):
        raise ValueError(
            "Expected one batch_size for all jobs of a sweep, or they could not be compared, but got auto, which "
            "differs from network to network; try the largest job alone and give the number that it finds."
        )


def _settle_batch_size(cfg: DictConfig) -> None:
    """Puts a number in the place of `batch_size=auto`, the same one on every rank."""
    if cfg.batch_size != _AUTO:
        return
    if _BATCH_SIZE not in os.environ:
        from lightweight_ssd.training.batch_size import choose_batch_size

        os.environ[_BATCH_SIZE] = str(choose_batch_size(cfg))
        print(f"batch_size={os.environ[_BATCH_SIZE]}", flush=True)
    cfg.batch_size = int(os.environ[_BATCH_SIZE])


@contextmanager
def _placed(cfg: DictConfig, choices: dict[str, str], overrides: list[str]) -> Iterator[Path | None]:
    """Sets `run_dir`, holds the run's lock, and yields the checkpoint to go on from, if any."""
    if _RUN_DIR in os.environ:  # one of the other ranks
        cfg.run_dir = os.environ[_RUN_DIR]
        yield Path(os.environ[_RESUME_FROM]) if os.environ.get(_RESUME_FROM) else None
        return
    content, lock = content_of(cfg), None
    if cfg.run_dir is None:
        runs = Path(cfg.runs).absolute()
        lock = try_to_lock_run(runs, content)
        if lock is None and cfg.resume == "auto":
            raise ValueError(f"This run is being trained by {holder(runs, content)}; wait for it or stop it.")
        name = f"{slug(cfg.seed, choices, overrides)}-{content}"
        run_dir, resume_from = choose_run_dir(runs, cfg.experiment_name, name, str(cfg.resume))
    else:
        run_dir, resume_from = Path(cfg.run_dir).absolute(), None
        if cfg.resume == "auto" and (run_dir / LAST_CHECKPOINT).is_file():
            resume_from = run_dir / LAST_CHECKPOINT
        elif cfg.resume not in ("auto", "never"):
            resume_from = Path(cfg.resume).absolute()
    cfg.run_dir = os.environ[_RUN_DIR] = str(run_dir)
    os.environ[_RESUME_FROM] = str(resume_from or "")
    with lock or nullcontext():
        yield resume_from


@contextmanager
def _status(run_dir: Path) -> Iterator[None]:
    """Leaves a true `status.json` however the run ends, and says how to go on."""
    from lightweight_ssd.training.callbacks.interrupt import Interrupted

    def note(**fields: Any) -> None:
        if _is_first_rank() and run_dir.is_dir():
            write_status(run_dir, **fields)

    previous = signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield
    except (Interrupted, KeyboardInterrupt, SystemExit) as stop:
        note(state="interrupted", error=str(stop) or type(stop).__name__)
        if not _is_first_rank():
            raise SystemExit(0) from None  # an error code would make Lightning kill the first rank while it closes
        print(f"\nInterrupted. To go on: the same command with resume=auto\n(run folder {run_dir})", file=sys.stderr)
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    except Exception as error:
        expected = isinstance(error, ValueError | FileNotFoundError)
        note(state="failed", error=str(error) if expected else f"{type(error).__name__}: {error}")
        raise
    else:
        note(state=FINISHED, error=None, seconds_left=0)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _is_first_rank() -> bool:
    from lightning.pytorch.utilities import rank_zero_only

    return getattr(rank_zero_only, "rank", 0) == 0


def _raise_interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
