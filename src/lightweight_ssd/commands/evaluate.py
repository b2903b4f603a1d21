"""`lssd evaluate`: measures a checkpoint and leaves the same files as a run."""

import logging
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.commands.console import one_sentence_errors, quiet_frameworks, relaunchable
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.runs.files import BEST_CHECKPOINT
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.sweeps.record import JobRecord, write_job

__all__ = ["evaluate", "main"]


def main() -> None:
    """Entry point of `lssd evaluate`, of one checkpoint or, with `-m`, of several in several ways."""
    hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="evaluate")(_run)()


def _run(cfg: DictConfig) -> float | None:
    overrides = list(HydraConfig.get().overrides.task)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return _in_own_process(cfg, overrides)
    with one_sentence_errors("lssd evaluate"):
        if OmegaConf.is_missing(cfg, "checkpoint"):
            raise ValueError("Expected a checkpoint; give checkpoint=RUN/checkpoints/best.ckpt.")
        if cfg.split not in ("val", "test"):
            raise ValueError(f"Expected split=val or split=test, but got split={cfg.split}.")
        with relaunchable("evaluate"):
            return evaluate(cfg)


def _in_own_process(cfg: DictConfig, overrides: list[str]) -> float | None:
    """One job of a sweep as a plain command with a folder of its own: other ranks would repeat the whole sweep."""
    logging.getLogger("hydra").setLevel(logging.WARNING)  # its lines would repeat ours
    asked = [each for each in overrides if not each.startswith(("checkpoint=", "split=", "output="))]
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "_", "-".join(["", *asked]))[:120]
    output = Path(f"{cfg.output or _default_output(cfg)}{name}").absolute()
    place = f"output={quoted(output)}"
    sweep_dir, job = Path(HydraConfig.get().sweep.dir), JobRecord(HydraConfig.get().job.num, overrides, "running")
    write_job(sweep_dir, job)
    print(f"\n{' '.join(overrides)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "lightweight_ssd", "evaluate", *overrides, place], check=False)
    write_job(sweep_dir, job._replace(state="failed" if done.returncode else "done", run_dir=str(output)))
    if done.returncode:
        return None
    results = read_results(output)
    measured = results.val if cfg.split == "val" else results.test
    return measured.map_50 if measured else None


def evaluate(cfg: DictConfig) -> float:
    """Tests the checkpoint on the split and writes figures, detections and pictures.

    Args:
        cfg: The configuration of `conf/evaluate.yaml`.

    Returns:
        mAP at IoU 0.5, 0 to 1.

    Raises:
        ValueError: If the data's classes are not the checkpoint's.
    """
    from lightweight_ssd.commands.result_tables import print_result
    from lightweight_ssd.training.stages import write_run

    quiet_frameworks()
    output = Path(cfg.output or _default_output(cfg)).absolute()
    parts, config = _prepare(cfg, output)
    loader = parts.datamodule
    loader.setup("validate" if cfg.split == "val" else "test")
    dataloader = loader.val_dataloader if cfg.split == "val" else loader.test_dataloader
    loader.test_dataloader = dataloader  # one loop measures either split
    output.mkdir(parents=True, exist_ok=True)
    with loader.naming_dead_workers():
        parts.trainer.test(parts.task, datamodule=loader, verbose=False)
    result = parts.task.last_result
    assert result is not None
    if parts.trainer.is_global_zero:
        about = {"checkpoint": str(Path(cfg.checkpoint).absolute())}
        write_run(output, parts, {**config, "pictures": cfg.pictures}, result, about, cfg.split)
        print_result(result, output, parts.task.last_coco)
    return result.map_50


def _prepare(cfg: DictConfig, output: Path) -> tuple[Any, dict[str, Any]]:
    """The parts as the checkpoint's configuration has them, on the data that was asked for."""
    from lightning.pytorch.utilities import rank_zero_only

    from lightweight_ssd.checkpoint.load import load_detector
    from lightweight_ssd.checkpoint.targets import check_targets
    from lightweight_ssd.config.instantiate import build
    from lightweight_ssd.metrics.voc import VOCMetric
    from lightweight_ssd.training.callbacks.skipped_files import SKIPPED_FILE, SkippedFiles
    from lightweight_ssd.training.datamodule import DetectionDataModule
    from lightweight_ssd.training.stages import Parts
    from lightweight_ssd.training.task import DetectionTask

    detector, config, class_names = load_detector(cfg.checkpoint)
    for part in ("criterion", "datamodule.resize", *(() if cfg.get("data") else ("data",))):
        check_targets(config, part, cfg.checkpoint)
    asked = {name: value for name, value in cfg.postprocess.items() if value is not None}
    detector.postprocess = replace(detector.postprocess, **asked)
    config["detector"]["postprocess"].update(asked)
    source = build(cfg.data if cfg.get("data") else config["data"])
    if list(source.class_names) != class_names:
        raise ValueError(
            f"The data has the classes {list(source.class_names)}, but the checkpoint was trained on {class_names}; "
            "give data with the checkpoint's (data.class_names; of data=coco the categories of data.train.annotations)."
        )
    resize = build(config["datamodule"]["resize"])
    datamodule = DetectionDataModule(
        source, resize, resize, eval_batch_size=cfg.eval_batch_size, num_workers=cfg.num_workers,
        first_images=config["datamodule"]["first_images"],
    )  # fmt: skip
    coco_metric = build(cfg.coco_metric, class_names=class_names) if cfg.coco_metric else None
    task = DetectionTask(detector, build(config["criterion"]), VOCMetric(class_names), coco_metric=coco_metric)
    rank_zero_only((output / SKIPPED_FILE).unlink)(missing_ok=True)  # of a measurement before
    callbacks = [SkippedFiles(str(output))]
    trainer = build(cfg.trainer, logger=False, enable_checkpointing=False, callbacks=callbacks)
    return Parts(trainer, task, datamodule), config


def _default_output(cfg: DictConfig) -> Path:
    return Path("evaluations") / f"{_run_name(Path(cfg.checkpoint).absolute())}-{cfg.split}"


def _run_name(checkpoint: Path) -> str:
    """Name of the run folder whose best checkpoint this is, with the file's if it is another one of it."""
    if checkpoint.parent.name != "checkpoints":
        return checkpoint.stem
    run = checkpoint.parents[1].name
    return run if checkpoint.name == BEST_CHECKPOINT.name else f"{run}-{checkpoint.stem}"
