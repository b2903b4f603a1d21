"""What Weights & Biases gets of a run: its place among the others, its configuration, its final metrics."""

import hashlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from lightweight_ssd.metrics.voc import VOCResult
from lightweight_ssd.runs.files import PICTURES, RESULTS_FILE
from lightweight_ssd.runs.folder import AXES
from lightweight_ssd.runs.result_metrics import METRICS, metric_of
from lightweight_ssd.runs.results_file import load_results
from lightweight_ssd.training.loggers.wandb import OptionalWandb

__all__ = ["closed_at_the_end", "filters", "log_config", "log_result", "with_run_name"]

log = logging.getLogger(__name__)

_BEST_COUNTS = ("val/map_50", "val/map_50_11point", "val/map_50_95", "val/coco_ap")


def with_run_name(config: dict[str, Any], choices: dict[str, str]) -> dict[str, Any]:
    """The configuration with what it leaves open: name, tags by axis, and, for a run that is sent, an id that stays.

    Offline, a resumed run is a new one of the same group, since joining offline parts loses data.

    Args:
        config: Resolved, with `run_dir`.
        choices: Option per config group.
    """
    wandb = (config["logger"] or {}).get("wandb")
    if not wandb:
        return config
    os.environ.setdefault("WANDB_SILENT", "true")
    tags = [*(f"{axis}:{choices[axis]}" for axis in AXES if axis in choices), f"seed:{config['seed']}"]
    named = {**wandb, "name": wandb["name"] or Path(config["run_dir"]).name, "tags": wandb["tags"] or tags}
    if not wandb["offline"] and wandb["id"] is None:
        named |= {"id": hashlib.sha256(str(config["run_dir"]).encode()).hexdigest()[:12], "resume": "allow"}
    return {**config, "logger": {**config["logger"], "wandb": named}}


def filters(identity: dict[str, Any]) -> dict[str, Any]:
    """What a run can be filtered by, as top-level scalars: W&B cannot filter by lists and hides deep dictionaries.

    Args:
        identity: As `identity.identify` gives it.

    Example:
        >>> filters({"row": "0123abcd", "seed": 0, "choices": {"neck": "fpn"}, "overrides": ["neck=fpn", "seed=0"]})
        {'identity/row': '0123abcd', 'identity/seed': 0, 'identity/overrides': 'neck=fpn seed=0', 'choice/neck': 'fpn'}
    """
    scalars = {key: value for key, value in identity.items() if not isinstance(value, dict | list)}
    filtered = {f"identity/{key}": value for key, value in scalars.items()}
    filtered["identity/overrides"] = " ".join(identity.get("overrides") or ())
    filtered |= {f"choice/{group}": option for group, option in (identity.get("choices") or {}).items()}
    return filtered | {f"paper/{metric}": value for metric, value in (identity.get("paper") or {}).items()}


def log_config(trainer: Trainer, config: dict[str, Any], identity: dict[str, Any], resume_from: Path | None) -> None:
    """Sends the resolved configuration as a plain dictionary, and what to filter by beside it.

    The summary of a validation mAP is its best, not its last. Lightning has already put all curves over its steps.
    """
    sent = {**config, **filters(identity), "resumed_from": str(resume_from) if resume_from else None}
    for logger in _loggers(trainer):
        logger.attempt(lambda run: _configure(run, sent))


def _configure(run: Any, sent: dict[str, Any]) -> None:
    run.config.update(sent)
    for name in _BEST_COUNTS:
        run.define_metric(name, step_metric="trainer/global_step", summary="max")


def log_result(trainer: Trainer, result: VOCResult, run_dir: Path) -> None:
    """Sends the metrics of the test and of a report (`metrics/…`), AP per class as a table, and the run's pictures."""
    for logger in _loggers(trainer):
        logger.attempt(lambda run: _send_result(run, result, run_dir))


def _send_result(run: Any, result: VOCResult, run_dir: Path) -> None:
    import wandb

    rows = zip(result.class_names, result.ap_50.tolist(), result.ap_50_11point.tolist(), strict=True)
    table = wandb.Table(columns=["class", "AP50", "AP50 11-point"], data=[list(row) for row in rows])
    pictures = {path.stem: wandb.Image(str(path)) for path in sorted((run_dir / PICTURES).glob("*.png"))}
    run.log({"test/ap_per_class": table, **{f"pictures/{k}": v for k, v in pictures.items()}})
    run.summary.update({f"test/{name}": value for name, value in result.scalars().items()})
    results, _ = load_results(run_dir / RESULTS_FILE)
    run.summary.update({f"metrics/{name}": metric_of(results, name) for name in METRICS})


@contextmanager
def closed_at_the_end() -> Iterator[None]:
    """Finishes the W&B run however the block ends, as failed where it raised."""
    try:
        yield
    finally:
        wandb = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            _finish(wandb, exit_code=0 if sys.exc_info()[0] is None else 1)


def _finish(wandb: Any, exit_code: int) -> None:
    try:
        wandb.finish(exit_code=exit_code)
    except Exception as error:  # whatever it is, the run itself is whole
        log.warning("Weights & Biases could not close its run (%s: %s).", type(error).__name__, error)


def _loggers(trainer: Trainer) -> list[OptionalWandb]:
    if not trainer.is_global_zero:
        return []
    return [logger for logger in trainer.loggers if isinstance(logger, OptionalWandb)]
