"""`batch_size=auto`: the most images that training steps of a configuration can hold in a GPU's memory.

The number is found by real steps, doubled until memory runs out and then closed in on. It becomes part of what the run
computes, so it is chosen before the run's folder, and remembered for the same run on the same kind of GPU: otherwise
the same command with `resume=auto` might look for a run of another batch.
"""

import gc
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.checkpoint.load import load_checkpoint
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.runs.files import LAST_CHECKPOINT
from lightweight_ssd.runs.identity import content_of
from lightweight_ssd.system.device import device_name
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.training.bare_step import DryRunStep, Place, named_gpus, place_of

__all__ = ["choose_batch_size", "largest", "step_fits"]

_MULTIPLE = 8  # images per device: what tensor cores like
_SHARE = 0.92  # of the memory; the rest is for what only a long training meets
_STEPS = 2  # the first makes the optimiser's state, the second has it


def choose_batch_size(cfg: DictConfig) -> int:
    """The batch size of a run with `batch_size=auto`, over all of its devices.

    Args:
        cfg: Of `lssd train`, with `experiment_name` set.

    Returns:
        What the checkpoint to resume from was trained with, else what was found for the same run before, if
        `resume=auto` may resume it, else what the search finds now.

    Raises:
        ValueError: Where there is no GPU to search, or not even the smallest batch fits.
    """
    checkpoint = _checkpoint(cfg)
    if checkpoint:
        return int(load_checkpoint(checkpoint)["hyper_parameters"]["config"]["batch_size"])
    place, devices = place_of(cfg.trainer), _devices(cfg.trainer)
    if place.device.type != "cuda":
        raise ValueError(
            "Expected a GPU for batch_size=auto, which fills its memory, but this run trains on the CPU; give a "
            "number, such as batch_size=16."
        )
    file = _memory_file(cfg, place, devices)
    known = read_json(file).get("batch_size") if cfg.resume == "auto" else None
    if known is None:
        known = devices * _search(cfg, place, devices)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"batch_size": known, "device": device_name(place.device), "devices": devices})
    return known


def largest(fits: Callable[[int], bool], most: int, multiple: int = _MULTIPLE) -> int:
    """The largest number of images that fits, by doubling and then halving what is between.

    Args:
        fits: Tells whether so many images fit; whatever is less than what fits must fit, too.
        most: Not to be exceeded, at least 1.
        multiple: The result is one of it, or `most` where that is smaller.

    Returns:
        The number; 0 where not even the smallest fits.

    Example:
        >>> largest(lambda images: images <= 100, most=5000)
        96
        >>> largest(lambda images: images <= 100, most=5)
        5
    """
    if most < multiple:
        return most if fits(most) else 0
    low, high, limit = 0, 1, most // multiple  # in multiples: low fits, high does not
    while high <= limit and fits(high * multiple):
        low, high = high, 2 * high
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle * multiple) else (low, middle)
    return low * multiple


def step_fits(dry_run: DryRunStep, images: int, objects: int) -> bool:
    """Whether training steps of so many images get through without running out of memory.

    Args:
        dry_run: The configured parts.
        images: Batch of one device.
        objects: Mean count per image.
    """
    try:
        batch = dry_run.batch(images, objects)
        for _ in range(_STEPS):
            dry_run.step(batch)
        if batch.images.is_cuda:
            torch.cuda.synchronize(batch.images.device)
        return True
    except torch.OutOfMemoryError:
        return False
    finally:
        dry_run.optimizer.zero_grad()
        batch = None
        gc.collect()
        torch.cuda.empty_cache()


def _search(cfg: DictConfig, place: Place, devices: int) -> int:
    """Images per device."""
    source = build(cfg.data)
    annotations = source.annotations("train")
    most = min(len(annotations), cfg.datamodule.first_images or len(annotations)) // devices
    objects = _objects(cfg, annotations)
    eager = OmegaConf.merge(cfg, {"batch_size": _MULTIPLE, "compile": False})  # or it would compile for every size
    dry_run = DryRunStep(eager, len(source.class_names), place)  # pyright: ignore[reportArgumentType]
    torch.cuda.set_per_process_memory_fraction(_SHARE, place.device)
    try:
        found = largest(lambda images: _told(step_fits(dry_run, images, objects), images), most)
    finally:
        del dry_run
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(1.0, place.device)
    if not found:
        raise ValueError(
            f"Expected steps of {_MULTIPLE} images to fit into the memory of {device_name(place.device)}, but they do "
            "not; give a smaller batch_size, image_size or network, or trainer.precision=bf16-mixed."
        )
    return found


def _told(fits: bool, images: int) -> bool:
    print(f"batch_size=auto: {images} images per GPU {'fit' if fits else 'are too many'}", flush=True)
    return fits


def _objects(cfg: DictConfig, annotations: PackedAnnotations) -> int:
    """Mean count that pads a random batch to the most objects which training can meet in one image."""
    most = int(np.diff(annotations.offsets).max(initial=1))
    targets = [str(step["_target_"]) for step in cfg.augment.steps.values() if step]
    tiles = 4 if any(target.endswith(".Mosaic") for target in targets) else 1
    return -(-most * tiles // 2)


def _devices(trainer: DictConfig) -> int:
    """GPUs of the run, all of one machine."""
    if trainer.num_nodes > 1:
        raise ValueError(
            f"Expected one machine for batch_size=auto but got trainer.num_nodes={trainer.num_nodes}, whose processes "
            "would each search by themselves; give a number."
        )
    devices = trainer.devices
    if named := named_gpus(devices):
        return len(named)
    return torch.cuda.device_count() if str(devices) in ("auto", "-1") else int(devices)


def _checkpoint(cfg: DictConfig) -> Path | None:
    """The checkpoint to resume from, where the command names it or its folder."""
    if cfg.resume not in ("auto", "never"):
        return Path(cfg.resume)
    last = Path(cfg.run_dir) / LAST_CHECKPOINT if cfg.run_dir and cfg.resume == "auto" else None
    return last if last and last.is_file() else None


def _total_memory(device: torch.device) -> int:
    """Bytes; one name is sold with several sizes."""
    return torch.cuda.get_device_properties(device).total_memory


def _memory_file(cfg: DictConfig, place: Place, devices: int) -> Path:
    """Where the number is kept, by what the run computes and on what."""
    what = json.dumps([content_of(cfg), device_name(place.device), _total_memory(place.device), devices])
    return Path(cfg.runs).absolute() / ".batch_sizes" / f"{hashlib.sha256(what.encode()).hexdigest()[:12]}.json"
