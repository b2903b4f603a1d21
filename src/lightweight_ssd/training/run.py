"""`train`: one run from a configuration to a folder that holds everything known of it, for the shell and for Python."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from lightweight_ssd.config.batch_split import BATCH_VARIABLE
from lightweight_ssd.config.compose import choices_of, compose, overrides_of
from lightweight_ssd.config.monitors import check_metrics
from lightweight_ssd.config.requirements import expect_steps
from lightweight_ssd.config.settings import changed, default_epochs, resolved, settled
from lightweight_ssd.runs.files import BEST_CHECKPOINT, LAST_CHECKPOINT, RESULTS_FILE
from lightweight_ssd.runs.folder import write_provenance
from lightweight_ssd.runs.identity import check_is_the_run, conditions_note, continued, identify
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.runs.status import FINISHED, read_status
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.training.quiet import quiet_frameworks
from lightweight_ssd.training.session import is_first_rank, placed, settings_of_ranks, status_of, with_batch_size
from lightweight_ssd.training.summary import run_summary

__all__ = ["TrainedRun", "fit_and_measure", "train", "train_composed"]


class TrainedRun(NamedTuple):
    """A run that is finished.

    Attributes:
        run_dir: Its folder.
        checkpoint: The one that was tested: the best of the validations, or the last where there was none.
    """

    run_dir: Path
    checkpoint: Path

    @property
    def results(self) -> RunResults:
        """Its metrics and how they came about, read from `results.json`."""
        return read_results(self.run_dir)

    @property
    def summary(self) -> str:
        """What it found, in a few lines, as `lssd train` prints it at the end."""
        return run_summary(self.run_dir)


def train(config: Sequence[str] | DictConfig = ()) -> TrainedRun:
    """Trains a detector, tests its best checkpoint and writes all files of the run, as `lssd train` does.

    Progress is printed; the global generators of random numbers are seeded. Several devices train in processes that
    repeat the script from its start, so a script for them calls this function once.

    Args:
        config: What `lssd train` gets, one string each, such as `["data=shapes", "neck=fpn", "seed=1"]`; or what
            `compose` made of it.

    Returns:
        The run. With `resume=auto` it may have been finished before.

    Raises:
        ValueError: For a configuration that cannot be trained, with what to change.
        FileNotFoundError: For data or a checkpoint that does not exist.
        KeyboardInterrupt: If Ctrl-C or SIGTERM stopped it; a checkpoint to resume from is written by then.
    """
    cfg = config if isinstance(config, DictConfig) else compose(config)
    return train_composed(cfg, choices_of(cfg), overrides_of(cfg))


def train_composed(cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str]) -> TrainedRun:
    """`train` for a configuration that Hydra composed elsewhere.

    Args:
        cfg: Of `lssd train`.
        choices: Option per config group.
        overrides: As the user typed them.
    """
    from lightweight_ssd.training.batch_size import check_memory
    from lightweight_ssd.training.kept_memory import keep_memory_where_ample
    from lightweight_ssd.training.memory_order import with_memory_order
    from lightweight_ssd.training.pass_size import check_pass

    expect_steps(cfg.trainer)
    epochs = default_epochs(cfg, choices)
    of_sweep = BATCH_VARIABLE in os.environ  # it hands on the batch of all its jobs
    with settings_of_ranks():
        cfg = with_batch_size(settled(cfg, choices))
        with placed(cfg, choices, overrides) as (run_dir, resume_from):
            if cfg.resume == "auto" and read_status(run_dir).get("state") == FINISHED:
                check_is_the_run(cfg, run_dir)
                done = f"Nothing to do: this run is finished, its metrics are in {run_dir / RESULTS_FILE}."
                if is_first_rank():
                    print(" ".join(filter(None, (done, conditions_note(cfg, run_dir)))), flush=True)
                return TrainedRun(run_dir, _tested(run_dir))
            check_metrics(cfg, overrides)
            cfg = with_memory_order(cfg, resume_from)
            if is_first_rank():
                check_pass(cfg)
                check_memory(cfg, of_sweep)
            keep_memory_where_ample(cfg)
            full = one_sentence_when_full(run_dir, "make room; the same command with resume=auto then goes on.")
            with status_of(run_dir), full:
                if epochs is not None and is_first_rank():
                    print(_length(epochs, choices), flush=True)
                return fit_and_measure(changed(cfg, run_dir=str(run_dir)), choices, overrides, resume_from)


def fit_and_measure(
    cfg: DictConfig, choices: dict[str, str], overrides: Sequence[str], resume_from: Path | None = None
) -> TrainedRun:
    """Fits, tests the best checkpoint, and writes all files of the run; without its lock and its status.

    Args:
        cfg: Of `lssd train`, settled, with `run_dir` and a number as `batch_size`; resolved here, once.
        choices: Option per config group, for tags.
        overrides: As the user typed them, for the record.
        resume_from: Checkpoint to resume from, or None.
    """
    from lightning.pytorch import seed_everything

    from lightweight_ssd.checkpoint.load import load_checkpoint, trained_weights
    from lightweight_ssd.training.fitted_anchors import with_fitted_anchors
    from lightweight_ssd.training.held_out import chosen_on
    from lightweight_ssd.training.loggers import guest, wandb_run
    from lightweight_ssd.training.measure import measure
    from lightweight_ssd.training.ranks import naming_lost_ranks
    from lightweight_ssd.training.resume import check_same_classes
    from lightweight_ssd.training.split_data import SplitData
    from lightweight_ssd.training.stages import checkpoint_to_test, fit, gray_images, prepare, write_run

    quiet_frameworks()
    identity = identify(cfg, choices, list(overrides))
    config = wandb_run.with_run_name(resolved(cfg), choices)
    run_dir = Path(config["run_dir"])
    run_dir.mkdir(parents=True, exist_ok=True)
    if is_first_rank():
        print(f"run folder: {run_dir}", flush=True)
    seed_everything(config["seed"], verbose=False)
    with wandb_run.closed_at_the_end(), naming_lost_ranks():
        config = with_fitted_anchors(config, resume_from)
        parts = prepare(config, resume_from)
        if resume_from is not None:
            check_same_classes(list(parts.datamodule.source.class_names), resume_from)
            identity = continued(identity, run_dir, lambda said: print(said, flush=True))
        if is_first_rank():
            write_provenance(run_dir, config, list(overrides), identity)
        trainer, data, scorer = parts.trainer, parts.datamodule, parts.task.scorer
        wandb_run.log_config(trainer, config, identity, resume_from)
        guest.log_config(trainer, config, identity, resume_from)
        training = fit(parts, resume_from)
        checkpoint = checkpoint_to_test(parts, run_dir)
        parts.detector.load_state_dict(trained_weights(load_checkpoint(checkpoint)))
        measured = measure(trainer, scorer, SplitData(data, "test"))
        gray = SplitData(data, "test", gray_images(config)) if config["gray_test"] else None
        measured_gray = measure(trainer, scorer, gray, "test_gray") if gray else None
        if trainer.is_global_zero:
            about = {**identity, "checkpoint": str(checkpoint), "training": training}
            val = data.datasets.get("val")
            about |= chosen_on(checkpoint, data.used_split("test"), None if val is None else val.annotations)
            write_run(run_dir, parts, config, measured, about, gray=measured_gray)
            wandb_run.log_result(trainer, measured.result, run_dir)
            guest.log_result(trainer, measured.result, config, run_dir)
    return TrainedRun(run_dir, checkpoint)


def _tested(run_dir: Path) -> Path:
    """The checkpoint that a finished run tested."""
    best = run_dir / BEST_CHECKPOINT
    return best if best.is_file() else run_dir / LAST_CHECKPOINT


def _length(epochs: int, choices: dict[str, str]) -> str:
    count = f"{epochs} epoch{'s' * (epochs != 1)}"
    data = choices.get("data")
    why = f"the default of data={data}" if data else "the default"
    return f"length: {count}, {why}; set trainer.max_epochs or trainer.max_steps"
