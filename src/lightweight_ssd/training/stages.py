"""The three acts of a run: prepare the parts, fit them, measure the best checkpoint."""

import logging
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig

from lightweight_ssd.checkpoint.init_from import initialise
from lightweight_ssd.checkpoint.load import build_detector, load_checkpoint, trained_weights
from lightweight_ssd.checkpoint.save import WholeCheckpoints
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.monitors import check_monitors
from lightweight_ssd.data.formats.coco_results import write_detections
from lightweight_ssd.data.source import Source
from lightweight_ssd.metrics.coco import COCOResult
from lightweight_ssd.metrics.voc import VOCMetric, VOCResult
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.profiling.latency import latency
from lightweight_ssd.runs.files import BEST_CHECKPOINT, GRAY_DETECTIONS_FILE, LAST_CHECKPOINT
from lightweight_ssd.runs.status import read_status
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.training.callbacks.ema import EMA
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV
from lightweight_ssd.training.outputs import record_results, split_metrics, write_data_pictures, write_evaluation
from lightweight_ssd.training.task import DetectionTask

__all__ = ["Gray", "Parts", "checkpoint_to_test", "fit", "measure", "measure_gray", "prepare", "write_run"]

log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """The live objects of a run."""

    trainer: Trainer
    task: DetectionTask
    datamodule: DetectionDataModule


class Gray(NamedTuple):
    """What was measured on the gray version of the test images; detections by image id."""

    result: VOCResult
    coco: COCOResult | None
    detections: dict[int, Detections]


def prepare(cfg: DictConfig, config: dict[str, Any], resume_from: Path | None) -> Parts:
    """Builds data, detector, task and trainer.

    Args:
        cfg: Configuration with interpolations.
        config: The same, resolved into plain containers; stored in every checkpoint.
        resume_from: Checkpoint to go on from; `init_from` is left alone then.

    Returns:
        The parts.

    Raises:
        ValueError: If a callback watches a figure that is not computed, among much else.
    """
    check_monitors(cfg)
    datamodule = build(cfg.datamodule)
    class_names = list(datamodule.source.class_names)
    detector = build_detector(config, class_names)
    if cfg.init_from and resume_from is None:
        _initialise(detector, cfg)
    if cfg.compile:
        detector.compile()
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    task = DetectionTask(
        detector,
        build(cfg.criterion),
        VOCMetric(class_names),
        build(cfg.optim),
        build(cfg.schedule),
        reference_batch=cfg.reference_batch,
        hparams={"config": config, "class_names": class_names, "category_ids": _category_ids(datamodule.source)},
        channels_last=cfg.channels_last,
        coco_metric=build(cfg.coco_metric, class_names=class_names) if cfg.coco_metric else None,
    )
    return Parts(_trainer(cfg, resume_from), task, datamodule)


def fit(parts: Parts, resume_from: Path | None) -> dict[str, Any]:
    """Trains, from the checkpoint if there is one.

    Returns:
        How the training went: steps, epochs, seconds over all parts of a resumed run, images per second of this part,
        the scaled rate, and the validation figures of the last epoch and of the best checkpoint.
    """
    trainer, task = parts.trainer, parts.task
    first_step = load_checkpoint(resume_from)["global_step"] if resume_from else 0
    before = read_status(Path(trainer.default_root_dir)).get("seconds", 0.0) if resume_from else 0.0
    started = time.monotonic()
    with parts.datamodule.naming_dead_workers(), warnings.catch_warnings():
        # Where a validation took place Lightning raises instead; for the other case we have a sentence of our own.
        warnings.filterwarnings("ignore", message=".*could not find the monitored key.*")
        trainer.fit(task, parts.datamodule, ckpt_path=resume_from, weights_only=True)
    seconds = time.monotonic() - started
    return {
        "steps": trainer.global_step,
        "epochs": trainer.current_epoch,
        "seconds": before + seconds,
        "resumed_at_step": first_step or None,
        "images_per_second": (trainer.global_step - first_step) * task.total_batch / seconds,
        "total_batch": task.total_batch,
        "learning_rate": trainer.optimizers[0].defaults["lr"] * task.total_batch / task.reference_batch,
        "world_size": trainer.world_size,
        "last_validation": _last_validation(trainer),
        "best_validation": _best_validation(trainer),
    }


def _last_validation(trainer: Trainer) -> dict[str, float]:
    """Figures of the last validation; from the record where a run was killed after it, with nothing left to do."""
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if "val/" in name}
    records = [logger.latest("val/") for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
    return figures or next(iter(records), {})


def _best_validation(trainer: Trainer) -> dict[str, float]:
    """The figure by which the best checkpoint was chosen, by the name it has in the test."""
    scores = {
        str(each.monitor).removeprefix("val/"): each.best_model_score
        for each in trainer.checkpoint_callbacks
        if isinstance(each, ModelCheckpoint) and each.monitor
    }
    return {name: float(score) for name, score in scores.items() if score is not None}


def checkpoint_to_test(parts: Parts, run_dir: Path) -> Path:
    """The best checkpoint, or the last where none was kept; the first rank says if no validation is why."""
    best, trainer = run_dir / BEST_CHECKPOINT, parts.trainer
    if best.is_file():
        return best
    monitors = [str(each.monitor) for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
    wanted = any(monitor.startswith("val/") for monitor in monitors)
    if trainer.is_global_zero and wanted and not _last_validation(trainer):
        steps = f"{trainer.global_step} step{'s' * (trainer.global_step != 1)}"
        print(
            f"No validation took place within {steps}, so no best checkpoint was chosen; {LAST_CHECKPOINT.name} is "
            "tested.",
            flush=True,
        )
    return run_dir / LAST_CHECKPOINT


def measure(parts: Parts, checkpoint: Path) -> VOCResult:
    """Tests a checkpoint's weights (their average where one was kept) on the test split."""
    parts.task.detector.load_state_dict(trained_weights(load_checkpoint(checkpoint)))
    return _test(parts)


def measure_gray(parts: Parts, config: dict[str, Any]) -> Gray:
    """Tests the same weights on the gray version of the test images; call it after `measure`."""
    gray = {"gray": {"_target_": "lightweight_ssd.augment.gray.Gray"}}
    dataset, task = parts.datamodule.datasets["test"], parts.task
    in_colour = dataset.augment
    measured = task.last_detections, task.last_result, task.last_coco
    dataset.augment, task.test_stage = build({**config["datamodule"]["resize"], "steps": gray}), "test_gray"
    try:
        return Gray(_test(parts), task.last_coco, task.last_detections)
    finally:
        dataset.augment, task.test_stage = in_colour, "test"
        task.last_detections, task.last_result, task.last_coco = measured


def _test(parts: Parts) -> VOCResult:
    with parts.datamodule.naming_dead_workers():
        parts.trainer.test(parts.task, datamodule=parts.datamodule, verbose=False)
    assert parts.task.last_result is not None
    return parts.task.last_result


def write_run(
    run_dir: Path,
    parts: Parts,
    config: dict[str, Any],
    result: VOCResult,
    about: dict[str, Any],
    split: str = "test",
    gray: Gray | None = None,
) -> None:
    """Writes what a measured run leaves: results, detections, ground truth, pictures.

    Args:
        run_dir: Folder to write into.
        parts: After `measure`.
        config: Resolved configuration.
        result: On the test split.
        about: What else `results.json` is to say.
        split: Name of the split that was measured.
        gray: What `measure_gray` gave.
    """
    data, task = parts.datamodule, parts.task
    detector, ids = task.detector, data.datasets[split].annotations.category_ids
    cost = complexity(detector, config["image_size"])
    write_evaluation(run_dir, data.used_annotations(split), task.last_detections, result, config["pictures"], ids)
    if gray:
        write_detections(run_dir / GRAY_DETECTIONS_FILE, gray.detections, ids)
    asked = config.get("latency")
    detector.to(parts.trainer.strategy.root_device)  # the trainer took it off
    write_data_pictures(run_dir, {name: dataset.annotations for name, dataset in data.datasets.items()})
    about = {
        **about,
        **cost,
        **({"test_gray": split_metrics(gray.result, gray.coco)} if gray else {}),
        **({"latency": latency(detector.eval(), cost["input_size"], **asked)} if asked else {}),
        "data": {"root": str(Path(str(data.source.root)).absolute()), "digests": data.state_dict()},
    }
    record_results(run_dir, split, split_metrics(result, task.last_coco), config, about)


def _category_ids(source: Source) -> list[int]:
    """Id of each label in the files of a data source: its own where it has any, else label + 1."""
    return list(getattr(source, "category_ids", None) or range(1, len(source.class_names) + 1))


def _trainer(cfg: DictConfig, resume_from: Path | None) -> Trainer:
    if cfg.trainer.max_epochs is None and cfg.trainer.max_steps < 0:
        raise ValueError("Expected a length of training; give trainer.max_epochs=N or trainer.max_steps=N.")
    loggers = [build(node) for node in (cfg.logger or {}).values() if node]
    if resume_from is not None:
        step = load_checkpoint(resume_from)["global_step"]
        for logger in loggers:
            if isinstance(logger, MetricsCSV):
                logger.resume(step)
    callbacks = [build(node) for node in cfg.callbacks.values() if node]
    callbacks = [each for each in callbacks if not (isinstance(each, EMA) and each.decay is None)]
    return build(
        cfg.trainer,
        callbacks=callbacks,
        logger=loggers or False,
        plugins=[WholeCheckpoints(before=[each.flush for each in loggers if isinstance(each, MetricsCSV)])],
        default_root_dir=cfg.run_dir,
        deterministic=cfg.deterministic,
    )


def _initialise(detector: torch.nn.Module, cfg: DictConfig) -> None:
    report = initialise(detector, str(cfg.init_from))
    counts = ", ".join(f"{len(names)} {key.replace('_', ' ')}" for key, names in report.items() if key != "file")
    log.info("init_from=%s: tensors: %s", cfg.init_from, counts)
    write_json(Path(cfg.run_dir) / "init_from.json", report)
