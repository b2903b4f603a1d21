"""The batch of a run: how many images fit into memory, in how many passes they become a step, and whether they fit.

The default is the paper's step of `reference_batch` images, in one pass where memory allows it and else in several
whose gradients add up. What was given as a number is never changed: if it does not fit, the run ends before it begins
and says what would fit.

What is chosen becomes part of what the run computes, so it is chosen before the run's folder, and remembered for the
same run on the same device: otherwise the same command with `resume=auto` might look for a run of another batch.
"""

import hashlib
import json
import math
from pathlib import Path

import torch
from omegaconf import DictConfig

from lightweight_ssd.checkpoint.load import load_checkpoint
from lightweight_ssd.config.batch_split import AUTO, BatchSplit, given_split, split
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import changed
from lightweight_ssd.runs.files import LAST_CHECKPOINT
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.system.device import device_name, free_memory, memory_of
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.training.bare_step import place_of
from lightweight_ssd.training.batch_search import MULTIPLE, images_per_gpu
from lightweight_ssd.training.memory_estimate import TrainingMemory, can_be_estimated, devices_of, training_memory

__all__ = ["check_memory", "choose_batch"]

# What a run takes by its own choice. The estimate may be off by a quarter, and on a machine others need memory, too. A
# quarter of the machine becomes 0.4 where the process keeps what it frees (`kept_memory`).
_OF_MACHINE, _OF_FREE, _OF_GPU = 0.25, 0.8, 0.85
_HALF = "bf16-mixed"


def choose_batch(cfg: DictConfig) -> BatchSplit:
    """The batch of a run, which is printed where it was left to the memory.

    Args:
        cfg: Of `lssd train`, with `experiment_name` set.

    Returns:
        What the configuration gives. Where it leaves that open: what the checkpoint to resume from was trained with,
        else what was found for the same run before, if `resume=auto` may resume it, else what fits now.

    Raises:
        ValueError: Not even the smallest batch fits, or it cannot be told what does.
    """
    if given := given_split(cfg):
        return given
    if checkpoint := _checkpoint(cfg):
        return _told(_of_checkpoint(cfg, checkpoint), "as in the checkpoint")
    if cfg.trainer.num_nodes > 1 or not can_be_estimated(cfg.trainer):
        return _without_a_look(cfg)
    device = place_of(cfg.trainer).device
    file = _memory_file(cfg, device)
    known = read_json(file) if cfg.resume == AUTO else {}
    if "batch_size" in known:
        return _told(BatchSplit(known["batch_size"], known.get("accumulate_grad_batches", 1)), "as before")
    batch = _that_fits(cfg, device)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        file,
        {"batch_size": batch.images, "accumulate_grad_batches": batch.passes, "device": device_name(device)},
    )
    return batch


def check_memory(cfg: DictConfig, of_sweep: bool = False) -> None:
    """Refuses a batch that does not fit into the memory that is free now.

    Nothing is refused where no step can be rehearsed or the operating system does not say how much is free.

    Args:
        cfg: Of `lssd train`, with numbers for the batch.
        of_sweep: Whether the run is a job of a sweep, whose jobs need one number: `auto` is not offered.

    Raises:
        ValueError: It does not fit; the sentence says how much is needed and free, and what fits.
    """
    batch = given_split(cfg)
    if batch is None or not can_be_estimated(cfg.trainer):
        return
    free = free_memory(place_of(cfg.trainer).device)  # before the estimate takes some
    memory = training_memory(cfg)
    images = -(-batch.images // cfg.trainer.num_nodes)
    if free is not None and memory.of(images) > free:
        raise ValueError(_too_much(cfg, memory, free, batch, of_sweep))


def _that_fits(cfg: DictConfig, device: torch.device) -> BatchSplit:
    """What fits into the share of the memory that a run may take by its own choice."""
    free = free_memory(device)
    if cfg.batch_size == AUTO and device.type == "cuda":
        devices = devices_of(cfg.trainer, device)
        return _told(_filled(cfg, devices * images_per_gpu(cfg, devices), devices), f"on {device_name(device)}")
    if free is None:
        return _without_a_look(cfg)
    memory = training_memory(cfg)
    most = _most(memory, free)
    if not most:
        raise ValueError(_too_much(cfg, memory, free, BatchSplit(memory.devices)))
    if cfg.batch_size == AUTO:
        batch = _filled(cfg, min(most, _images_of_training(cfg)), memory.devices)
    else:
        batch = split(cfg.reference_batch, most, memory.devices)
    return _told(batch, f"expected to take {_above(memory.of(batch.images))} of the {_below(free)} that are free")


def _filled(cfg: DictConfig, most: int, devices: int) -> BatchSplit:
    """The batch of `batch_size=auto`: as many images as fit, in as many passes as are asked for."""
    if cfg.trainer.accumulate_grad_batches == AUTO:
        return split(cfg.reference_batch, most, devices)
    multiple = devices * (MULTIPLE if most >= MULTIPLE * devices else 1)
    return BatchSplit(max(devices, most - most % multiple), cfg.trainer.accumulate_grad_batches)


def _without_a_look(cfg: DictConfig) -> BatchSplit:
    """The step in one pass, where there is no way to tell what fits."""
    if cfg.batch_size != AUTO:
        return BatchSplit(cfg.reference_batch)
    if cfg.trainer.num_nodes > 1:
        raise ValueError(
            f"Expected one machine for batch_size=auto but got trainer.num_nodes={cfg.trainer.num_nodes}, whose "
            "processes would each search by themselves; give a number."
        )
    place_of(cfg.trainer)  # says what it cannot rehearse
    raise ValueError("Expected a system that says how much memory is free for batch_size=auto; give a number.")


def _most(memory: TrainingMemory, free: int) -> int:
    """Images of a pass within the share that a run takes by its own choice; the smallest pass if that fits at all."""
    smallest = memory.devices if memory.of(memory.devices) <= free else 0
    return memory.images_within(_budget(memory.device, free)) or smallest


def _budget(device: torch.device, free: int) -> int:
    if device.type == "cuda":
        return int(_OF_GPU * free)
    return int(min(_OF_FREE * free, _OF_MACHINE * (memory_of(device) or free)))


def _too_much(cfg: DictConfig, memory: TrainingMemory, free: int, batch: BatchSplit, of_sweep: bool = False) -> str:
    """One sentence: what is needed, what is free, and what fits."""
    nodes = cfg.trainer.num_nodes
    images, most = -(-batch.images // nodes), nodes * _most(memory, free)
    ways = []
    if 0 < most < batch.images:
        smaller = split(batch.total, most, memory.devices * nodes)
        ways = ["batch_size=auto"] if nodes == 1 and not of_sweep else []
        ways.append(f"batch_size={smaller.images} trainer.accumulate_grad_batches={smaller.passes}")
    if str(cfg.trainer.precision) in ("32", "32-true"):
        half = training_memory(changed(cfg, trainer={"precision": _HALF}))
        ways += [f"trainer.precision={_HALF}"] * (half.of(images) <= free)
    where = "" if memory.device.type == "cpu" else f" on {device_name(memory.device)}"
    return (
        f"Expected {_above(memory.of(images))} of memory for batch_size={batch.images} at {_pixels(cfg)} in "
        f"{cfg.trainer.precision}, but {_below(free)} are free{where}; give "
        f"{', or '.join(ways) or 'a smaller image_size or network'}."
    )


def _pixels(cfg: DictConfig) -> str:
    size = cfg.image_size
    return f"{size} pixels" if isinstance(size, int) else f"{'×'.join(map(str, size))} pixels"


def _told(batch: BatchSplit, why: str) -> BatchSplit:
    many = f" as {batch.passes} × {batch.images} by gradient accumulation" if batch.passes > 1 else ""
    print(f"batch: {batch.total} images{many}, {why}", flush=True)
    return batch


def _above(size: int) -> str:
    """In GB, rounded up, so that what does not fit never looks as if it did."""
    return f"{math.ceil(size / 1e8) / 10:.1f} GB"


def _below(size: int) -> str:
    """In GB, rounded down."""
    return f"{math.floor(size / 1e8) / 10:.1f} GB"


def _images_of_training(cfg: DictConfig) -> int:
    images = len(build(cfg.data).annotations("train"))
    return min(images, cfg.datamodule.first_images or images)


def _of_checkpoint(cfg: DictConfig, checkpoint: Path) -> BatchSplit:
    """What a run was trained with."""
    config = load_checkpoint(checkpoint)["hyper_parameters"]["config"]
    return BatchSplit(int(config["batch_size"]), int(config.get("trainer", {}).get("accumulate_grad_batches", 1)))


def _checkpoint(cfg: DictConfig) -> Path | None:
    """The checkpoint to resume from, where the command names it or its folder."""
    named = Path(cfg.run_dir) / LAST_CHECKPOINT if cfg.run_dir and cfg.resume == AUTO else None
    if cfg.resume not in (AUTO, "never"):
        named = Path(cfg.resume)
    return named if named and named.is_file() else None  # `placed` says what is wrong with it


def _memory_file(cfg: DictConfig, device: torch.device) -> Path:
    """Where the batch is kept, by what the run computes and on what; one name of a GPU is sold with several sizes."""
    devices = devices_of(cfg.trainer, device)
    what = json.dumps([content_of(cfg), device_name(device), memory_of(device), devices])
    return Path(cfg.runs).absolute() / ".batch_sizes" / f"{hashlib.sha256(what.encode()).hexdigest()[:12]}.json"
