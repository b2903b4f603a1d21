"""`lssd train`: one run from a configuration to a folder that holds everything known of it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.console import INTERRUPTED_EXIT_CODE, one_sentence_errors, quiet_frameworks, relaunchable
from lightweight_ssd.paths import CONF_DIR
from lightweight_ssd.run_folder import LAST_CHECKPOINT, choose_run_dir, content_hash, slug, write_provenance
from lightweight_ssd.status import FINISHED, read_results, read_status, write_status

__all__ = ["main", "train"]

# Lightning starts the other ranks of a machine as new processes; they inherit where the first one writes.
_RUN_DIR, _RESUME_FROM = "LSSD_RUN_DIR", "LSSD_RESUME_FROM"
_BEST = Path("checkpoints") / "best.ckpt"


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="train")
def main(cfg: DictConfig) -> float | None:
    """Trains as configured; returns mAP at IoU 0.5 on the test split, 0 to 1, for sweepers."""
    with one_sentence_errors("lssd train"):
        options = HydraConfig.get().runtime.choices
        choices = {group: str(name) for group, name in options.items() if name and not group.startswith("hydra/")}
        _refuse_parallel_sweep(cfg)
        try:
            resume_from = _place(cfg, choices)
            run_dir = Path(cfg.run_dir)
            if cfg.resume == "auto" and read_status(run_dir).get("state") == FINISHED:
                print(f"Nothing to do: this run is finished, its figures are in {run_dir / 'results.json'}.")
                return read_results(run_dir).get("test", {}).get("map_50")
            with _status(run_dir), relaunchable("train"):
                return train(cfg, choices, list(HydraConfig.get().overrides.task), resume_from)
        finally:  # the next job of this process has a folder of its own
            for name in (_RUN_DIR, _RESUME_FROM):
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

    from lightweight_ssd import wandb_run
    from lightweight_ssd.console_table import print_result
    from lightweight_ssd.training import fit, measure, prepare, write_run

    quiet_frameworks()
    run_dir = Path(cfg.run_dir)
    wandb_run.name_run(cfg, choices)
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # pyright: ignore[reportAssignmentType]
    if _is_first_rank():
        write_provenance(run_dir, config, overrides)
        print(f"run folder: {run_dir}", flush=True)
    seed_everything(cfg.seed, verbose=False)
    with wandb_run.closed_at_the_end():
        parts = prepare(cfg, config, resume_from)
        wandb_run.log_config(parts.trainer, config, resume_from)
        training = fit(parts, resume_from)
        best = run_dir / _BEST if (run_dir / _BEST).is_file() else run_dir / LAST_CHECKPOINT
        result = measure(parts, best)
        if parts.trainer.is_global_zero:
            about = {"choices": choices, "content": _content(cfg), "checkpoint": str(best), "training": training}
            write_run(run_dir, parts, config, result, about)
            wandb_run.log_result(parts.trainer, result, run_dir)
            print_result(result, run_dir)
    return result.map_50


def _refuse_parallel_sweep(cfg: DictConfig) -> None:
    """In a multirun, Lightning's other ranks would start sweeps of their own and train on half the batches (G2)."""
    if HydraConfig.get().mode == RunMode.MULTIRUN and str(cfg.trainer.devices) != "1":
        raise ValueError(
            f"A multirun (-m) trains each job on one device, but trainer.devices={cfg.trainer.devices}; "
            "set trainer.devices=1, or start each run by its own command."
        )


def _place(cfg: DictConfig, choices: dict[str, str]) -> Path | None:
    """Sets `run_dir` and `experiment_name`; returns the checkpoint to go on from, if any."""
    cfg.experiment_name = cfg.experiment_name or choices.get("experiment") or "adhoc"
    if _RUN_DIR in os.environ:
        cfg.run_dir = os.environ[_RUN_DIR]
        return Path(os.environ[_RESUME_FROM]) if os.environ.get(_RESUME_FROM) else None
    if cfg.run_dir is None:
        name = f"{slug(cfg.seed, choices)}-{_content(cfg)}"
        run_dir, resume_from = choose_run_dir(Path(cfg.runs).absolute(), cfg.experiment_name, name, str(cfg.resume))
    else:
        run_dir, resume_from = Path(cfg.run_dir).absolute(), None
        if cfg.resume == "auto" and (run_dir / LAST_CHECKPOINT).is_file():
            resume_from = run_dir / LAST_CHECKPOINT
        elif cfg.resume not in ("auto", "never"):
            resume_from = Path(cfg.resume).absolute()
    cfg.run_dir = str(run_dir)
    os.environ[_RUN_DIR] = cfg.run_dir
    os.environ[_RESUME_FROM] = str(resume_from or "")
    return resume_from


def _content(cfg: DictConfig) -> str:
    """The hash of what the run computes, whatever its folder."""
    homeless = OmegaConf.merge(cfg, {"run_dir": None})
    return content_hash(OmegaConf.to_container(homeless, resolve=True))  # pyright: ignore[reportArgumentType]


@contextmanager
def _status(run_dir: Path) -> Iterator[None]:
    """Leaves a true `status.json` however the run ends, and says how to go on."""
    from lightweight_ssd.callbacks.interrupt import Interrupted

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
        note(state="failed", error=f"{type(error).__name__}: {error}")
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
