"""The most images that training steps of a configuration can hold in a GPU's memory, found by real steps.

Their number is doubled until memory runs out, and then closed in on.
"""

import gc
from collections.abc import Callable

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.system.device import device_name
from lightweight_ssd.training.bare_step import DryRunStep, place_of

__all__ = ["MULTIPLE", "images_per_gpu", "largest", "step_fits"]

MULTIPLE = 8
"""Images per device are one of it: what tensor cores like."""
_SHARE = 0.92  # of the memory; the rest is for what only a long training meets
_STEPS = 2  # the first makes the optimizer's state, the second has it


def largest(fits: Callable[[int], bool], most: int, multiple: int = MULTIPLE) -> int:
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


def images_per_gpu(cfg: DictConfig, devices: int) -> int:
    """The most images that fit into a pass, but not more than each of the devices gets of all training images.

    Args:
        cfg: Of `lssd train`, on a GPU; its batch size does not matter.
        devices: Number of devices of the run.

    Raises:
        ValueError: Not even the smallest batch fits.
    """
    place = place_of(cfg.trainer)
    source = build(cfg.data)
    annotations = source.annotations("train")
    most = min(len(annotations), cfg.datamodule.first_images or len(annotations)) // devices
    objects = _objects(cfg, annotations)
    eager = OmegaConf.merge(cfg, {"batch_size": MULTIPLE, "compile": False})  # or it would compile for every size
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
            f"Expected steps of {MULTIPLE} images to fit into the memory of {device_name(place.device)}, but they do "
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
