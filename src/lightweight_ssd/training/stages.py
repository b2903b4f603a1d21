"""The stages of a run: prepare the parts, fit them, choose the checkpoint to test, write what was measured."""

import logging
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.checkpoint.init_from import counts, initialise, of_classes, trained_parameters
from lightweight_ssd.checkpoint.load import (
    NETWORK_KEY,
    as_trained,
    build_detector,
    load_checkpoint,
    network_values,
)
from lightweight_ssd.checkpoint.save import WholeCheckpoints
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.monitors import check_monitors
from lightweight_ssd.data.class_counts import count_objects
from lightweight_ssd.data.formats.coco_results import write_detections
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.source import Source
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.profiling.latency import latency
from lightweight_ssd.runs.checkpoints import checkpoint_file
from lightweight_ssd.runs.files import BEST_CHECKPOINT, GRAY_DETECTIONS_FILE, LAST_CHECKPOINT, WEIGHTS_FILE
from lightweight_ssd.runs.status import read_status
from lightweight_ssd.system.json_file import write_json
from lightweight_ssd.training.callbacks.ema import EMA
from lightweight_ssd.training.callbacks.evaluation_lines import EvaluationLines
from lightweight_ssd.training.callbacks.progress import Progress
from lightweight_ssd.training.data_report import report_data
from lightweight_ssd.training.datamodule import DetectionDataModule
from lightweight_ssd.training.held_out import tell_if_chosen_on_test
from lightweight_ssd.training.loggers.guest import Guest
from lightweight_ssd.training.loggers.metrics_csv import MetricsCSV
from lightweight_ssd.training.measure import Measured
from lightweight_ssd.training.outputs import record_results, split_metrics, write_data_pictures, write_evaluation
from lightweight_ssd.training.session import is_first_rank
from lightweight_ssd.training.task import DetectionTask

__all__ = ["Parts", "checkpoint_to_test", "fit", "gray_images", "prepare", "write_run"]

log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """The live objects of a run."""

    trainer: Trainer
    task: DetectionTask
    datamodule: DetectionDataModule

    @property
    def detector(self) -> Any:
        """What is trained."""
        return self.task.detector


def prepare(config: dict[str, Any], resume_from: Path | None = None) -> Parts:
    """Builds data, detector, task and trainer.

    Args:
        config: Of `lssd train`, resolved into plain containers, with `run_dir` and a length; every checkpoint has it.
        resume_from: Checkpoint to resume from; `init_from` is ignored then.

    Returns:
        The parts.

    Raises:
        ValueError: If a callback monitors a metric that is not computed, among much else.
    """
    check_monitors(config)
    datamodule = build(config["datamodule"])
    class_names = list(datamodule.source.class_names)
    detector = _detector(config, class_names, resume_from)
    if config["compile"]:
        detector.compile()
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    task = DetectionTask(
        detector,
        build(config["criterion"]),
        VOCMetric(class_names),
        build(config["optim"]),
        build(config["schedule"]),
        reference_batch=config["reference_batch"],
        hparams={
            "config": config,
            "class_names": class_names,
            "category_ids": _category_ids(datamodule.source),
            NETWORK_KEY: network_values(detector),
        },
        channels_last=bool(config["channels_last"]),  # null: decided by `lssd train` before
        coco_metric=_coco_metric(config["coco_metric"], class_names),
        lr_factors=config["lr_factors"],
    )
    return Parts(_trainer(config, resume_from), task, datamodule)


def _coco_metric(setting: bool | dict[str, Any] | None, class_names: list[str]) -> COCOMetric | None:
    """Ours for true, the user's own for a node, none for false and null."""
    if isinstance(setting, dict):
        return build(setting, class_names=class_names)
    return COCOMetric(class_names) if setting else None


def fit(parts: Parts, resume_from: Path | None) -> dict[str, Any]:
    """Trains, from the checkpoint if there is one.

    Returns:
        How training went: steps, epochs, seconds over all parts of a resumed run, images per second of this part, the
        scaled learning rate, and the validation metrics of the last epoch and of the best checkpoint.
    """
    trainer, task = parts.trainer, parts.task
    if is_first_rank() and _validated_metrics(trainer):
        report_data(parts.datamodule, Path(trainer.default_root_dir))
        tell_if_chosen_on_test(parts.datamodule)
    first_step = load_checkpoint(resume_from)["global_step"] if resume_from else 0
    before = read_status(Path(trainer.default_root_dir)).get("seconds", 0.0) if resume_from else 0.0
    started = time.monotonic()
    with parts.datamodule.naming_dead_workers(), warnings.catch_warnings():
        # After a validation Lightning raises instead; for a run without one we have a sentence of our own.
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
    """Metrics of the last validation; from the record where a run was killed after it, with nothing left to do."""
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if "val/" in name}
    records = [logger.latest("val/") for logger in trainer.loggers if isinstance(logger, MetricsCSV)]
    return metrics or next(iter(records), {})


def _best_validation(trainer: Trainer) -> dict[str, float]:
    """The metric by which the best checkpoint was chosen, under the name that it has in the test."""
    scores = {
        str(each.monitor).removeprefix("val/"): each.best_model_score
        for each in trainer.checkpoint_callbacks
        if isinstance(each, ModelCheckpoint) and each.monitor
    }
    return {name: float(score) for name, score in scores.items() if score is not None}


def checkpoint_to_test(parts: Parts, run_dir: Path) -> Path:
    """The best checkpoint, or the last where none was kept; the first process says so if no validation is why."""
    best, trainer = run_dir / BEST_CHECKPOINT, parts.trainer
    if best.is_file():
        return best
    if trainer.is_global_zero and _validated_metrics(trainer) and not _last_validation(trainer):
        steps = f"{trainer.global_step} step{'s' * (trainer.global_step != 1)}"
        print(
            f"No validation took place within {steps}, so no best checkpoint was chosen; {LAST_CHECKPOINT.name} is "
            "tested.",
            flush=True,
        )
    return run_dir / LAST_CHECKPOINT


def _validated_metrics(trainer: Trainer) -> list[str]:
    """The metrics of the validation by which checkpoints are chosen."""
    monitors = [str(each.monitor) for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
    return [monitor for monitor in monitors if monitor.startswith("val/")]


def gray_images(config: dict[str, Any]) -> Pipeline:
    """The pipeline that gives the gray version of the test images."""
    gray = {"gray": {"_target_": "lightweight_ssd.augment.gray.Gray"}}
    return build({**config["datamodule"]["resize"], "steps": gray})


def write_run(
    run_dir: Path,
    parts: Parts,
    config: dict[str, Any],
    measured: Measured,
    about: dict[str, Any],
    split: str = "test",
    gray: Measured | None = None,
) -> None:
    """Writes what a measured run leaves: results, detections, ground truth, pictures.

    Args:
        run_dir: Folder to write into.
        parts: Whose detector was measured.
        config: Resolved configuration.
        measured: On the split.
        about: What else `results.json` is to say.
        split: Name of the split that was measured.
        gray: On the gray version of the same images.
    """
    data, detector = parts.datamodule, parts.detector
    ids = data.datasets[split].annotations.category_ids
    cost = complexity(detector, config["image_size"])
    known = data.used_annotations(split)
    write_evaluation(run_dir, known, measured.detections, measured.result, config["pictures"], ids)
    if gray:
        write_detections(run_dir / GRAY_DETECTIONS_FILE, gray.detections, ids)
    asked = config.get("latency")
    detector.to(parts.trainer.strategy.root_device)  # the trainer took it off
    write_data_pictures(run_dir, {name: dataset.annotations for name, dataset in data.datasets.items()})
    about = {
        **about,
        **cost,
        "precision": str(parts.trainer.precision),
        **({"test_gray": split_metrics(gray.result, gray.coco)} if gray else {}),
        **({"latency": latency(detector.eval(), cost["input_size"], **asked)} if asked else {}),
        "data": {
            "root": str(Path(str(data.source.root)).absolute()),
            "digests": data.state_dict(),
            **({"train_objects": _objects(data.datasets["train"].annotations)} if "train" in data.datasets else {}),
        },
    }
    record_results(run_dir, split, split_metrics(measured.result, measured.coco), config, about)


def _objects(annotations: PackedAnnotations) -> dict[str, int]:
    """By class those that are learned: all but crowd regions and ignored objects."""
    counts = count_objects(annotations.keep_objects(~annotations.crowd))
    return {name: counts[name] for name in annotations.class_names}


def _category_ids(source: Source) -> list[int]:
    """Id of each label in the files of a data source: its own where it has any, else label + 1."""
    return list(getattr(source, "category_ids", None) or range(1, len(source.class_names) + 1))


def _trainer(config: dict[str, Any], resume_from: Path | None) -> Trainer:
    if config["trainer"]["max_epochs"] is None and config["trainer"]["max_steps"] < 0:
        raise ValueError("Expected a length of the run; give trainer.max_epochs=N or trainer.max_steps=N.")
    loggers = [build(node) for node in (config["logger"] or {}).values() if node]
    if resume_from is not None:
        step = load_checkpoint(resume_from)["global_step"]
        for logger in loggers:
            if isinstance(logger, MetricsCSV | Guest):
                logger.resume(step)
    callbacks = [build(node) for node in config["callbacks"].values() if node]
    callbacks = [each for each in callbacks if not (isinstance(each, EMA) and each.decay is None)]
    if any(isinstance(each, Progress) and each.lines for each in callbacks):
        callbacks.append(EvaluationLines())
    return build(
        config["trainer"],
        callbacks=callbacks,
        logger=loggers or False,
        plugins=[WholeCheckpoints(before=[each.flush for each in loggers if isinstance(each, MetricsCSV)])],
        default_root_dir=config["run_dir"],
        deterministic=config["deterministic"],
    )


def _detector(config: dict[str, Any], class_names: list[str], resume_from: Path | None) -> Any:
    """As a resumed run's was; else with the weights that the run starts from, which it notes in its folder."""
    if resume_from is not None:
        return build_detector(as_trained(config, load_checkpoint(resume_from)["hyper_parameters"]), class_names)
    start = checkpoint_file(config["init_from"]) if config["init_from"] else None
    known = trained_parameters(start) if start else {}
    weights = config["detector"]["backbone"].get("weights")
    detector = build_detector(as_trained(config, known, weights), class_names)
    loaded = getattr(detector.backbone, "loaded_weights", None)
    if loaded and is_first_rank():
        write_json(Path(config["run_dir"]) / WEIGHTS_FILE, loaded._asdict())
    if start:
        _initialize(detector, start, class_names, config)
    return detector


def _initialize(detector: nn.Module, start: Path, class_names: list[str], config: dict[str, Any]) -> None:
    report = initialise(detector, str(start), class_names)
    log.info("init_from=%s: tensors: %s", config["init_from"], counts(report))
    for about in filter(None, (report.get("darknet"), of_classes(report))):
        log.info("init_from=%s: %s", config["init_from"], about)
    write_json(Path(config["run_dir"]) / "init_from.json", report)
