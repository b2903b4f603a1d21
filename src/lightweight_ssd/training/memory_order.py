"""The memory order of images and weights: where `channels_last` is left open, a CPU takes what a trial finds faster.

A trial of twenty steps decides between the two and is remembered for this machine, network and size, in the user's
cache. The order changes values by rounding only, so it is a condition of a run and no part of its content; a resumed
run keeps its own. Precision is not tried: bfloat16 changes what is computed, and whoever wants it says so.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from omegaconf import DictConfig

from lightweight_ssd.checkpoint.load import load_checkpoint
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import changed, resolved
from lightweight_ssd.data.formats.packed import default_cache_dir
from lightweight_ssd.system.device import device_name
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.training.bare_step import DryRunStep, place_of
from lightweight_ssd.training.memory_estimate import can_be_estimated
from lightweight_ssd.training.ranks import launched_rank
from lightweight_ssd.training.session import MEMORY_ORDER_VARIABLE

__all__ = ["with_memory_order"]

_WARMUP, _STEPS = 2, 8  # of each order: twenty in all
_IMAGES, _OBJECTS = 8, 3  # of a trial step, at most
_WORTHWHILE = 20  # times the images of a trial that a run trains on at least


def with_memory_order(cfg: DictConfig, resume_from: Path | None) -> DictConfig:
    """A copy in which `channels_last` is true or false, the same on every process; prints what a trial has found.

    Args:
        cfg: Of `lssd train`, settled, with a number as `batch_size`.
        resume_from: Checkpoint to resume from, whose order is kept.
    """
    if cfg.channels_last is not None:
        return cfg
    if MEMORY_ORDER_VARIABLE not in os.environ:
        os.environ[MEMORY_ORDER_VARIABLE] = str(int(_chosen(cfg, resume_from)))
    return changed(cfg, channels_last=os.environ[MEMORY_ORDER_VARIABLE] == "1")


def _chosen(cfg: DictConfig, resume_from: Path | None) -> bool:
    if resume_from is not None:
        return bool(load_checkpoint(resume_from)["hyper_parameters"]["config"].get("channels_last"))
    if not can_be_estimated(cfg.trainer) or cfg.compile or place_of(cfg.trainer).device.type != "cpu":
        return False  # on a GPU, and for a compiler, which chooses itself, this order has to be asked for
    if cfg.deterministic or launched_rank(os.environ) is not None or _is_short(cfg):
        return True  # without a look at the clock, the order that was faster wherever it was measured
    return _measured(cfg)


def _is_short(cfg: DictConfig) -> bool:
    """Whether a run trains on so few images that a trial would cost more than it gains, as far as that is known."""
    trainer, known = cfg.trainer, cfg.data.get("train_images")
    limit = trainer.limit_train_batches
    epoch = [limit * cfg.batch_size] if isinstance(limit, int) else []
    epoch += [each for each in (known, cfg.datamodule.first_images) if each is not None]
    images = [trainer.max_steps * cfg.batch_size * trainer.accumulate_grad_batches] if trainer.max_steps >= 0 else []
    if epoch and trainer.max_epochs is not None:
        images.append(min(epoch) * max(0, trainer.max_epochs))
    trial = 2 * (_WARMUP + _STEPS) * min(_IMAGES, cfg.batch_size)
    return min(images, default=trial * _WORTHWHILE) < trial * _WORTHWHILE


def _measured(cfg: DictConfig) -> bool:
    """What is faster, by an earlier trial or by one now."""
    file = _file(cfg)
    try:
        known = read_json(file)
    except (OSError, ValueError):
        known = {}
    if seconds := known.get("seconds_per_step"):
        how = "as measured before on this machine"
    else:
        seconds, how = _trial(cfg), f"measured in {2 * (_WARMUP + _STEPS)} steps"
        _keep(file, {"seconds_per_step": seconds, "device": device_name(torch.device("cpu"))})
    last, first = seconds["channels_last"], seconds["contiguous"]
    name, share = ("channels-last", last / first) if last < first else ("contiguous", first / last)
    print(f"memory order: {name}, a step takes {share:.2f} of its time in the other order ({how})", flush=True)
    return last < first


def _trial(cfg: DictConfig) -> dict[str, float]:
    """Median seconds of a step in each order, taken in turns."""
    images, num_classes = min(_IMAGES, cfg.batch_size), len(build(cfg.data).class_names)
    steps = {}
    for name, value in (("channels_last", True), ("contiguous", False)):
        dry_run = DryRunStep(changed(cfg, channels_last=value, batch_size=images), num_classes, place_of(cfg.trainer))
        steps[name] = (dry_run, dry_run.batch(images, _OBJECTS))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_WARMUP + _STEPS):
        for name, (dry_run, batch) in steps.items():
            started = perf_counter()
            dry_run.step(batch)
            seconds[name].append(perf_counter() - started)
    return {name: median(each[_WARMUP:]) for name, each in seconds.items()}


def _file(cfg: DictConfig) -> Path:
    """Where the result is kept: by machine, PyTorch, network, size, images of a step and precision."""
    config = resolved(changed(cfg, run_dir=None))
    machine = [device_name(torch.device("cpu")), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]
    what = [machine, torch.__version__, config["detector"], config["image_size"], min(_IMAGES, cfg.batch_size)]
    text = json.dumps([*what, str(cfg.trainer.precision)], sort_keys=True, default=str)
    return default_cache_dir() / "memory_orders" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _keep(file: Path, found: dict[str, object]) -> None:
    """Writes it; without a cache that can be written, the next run measures again."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, found)
