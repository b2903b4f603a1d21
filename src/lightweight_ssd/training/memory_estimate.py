"""How much memory a training takes, from one real step of two images: known before the run, and before it is too late.

Autograd says which tensors it keeps for the backward pass; at the end of the forward pass all of them are there, and
that is the peak. Their size grows with the images of a pass. Weights, gradients, optimizer state and moving average do
not; each is counted. What was found is kept in the user's cache, so that the same network starts sooner next time.
"""

import gc
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import changed, resolved
from lightweight_ssd.data.formats.packed import default_cache_dir
from lightweight_ssd.system.json_file import read_json, write_json
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.bare_step import PRECISIONS, DryRunStep, named_gpus, place_of
from lightweight_ssd.training.datamodule import loader_processes

__all__ = ["MemoryNeed", "TrainingMemory", "can_be_estimated", "devices_of", "training_memory"]

_IMAGES = 2  # of the trial step: BatchNorm cannot learn from one image where a level has one cell
_OBJECTS = 10  # of an image in it
# The C library maps a tensor of at least 32 MB by itself and gives it back at once. Smaller ones come from its heap,
# whose holes are not all filled again; measured.
_MAPPED, _HEAP = 32_000_000, 1.75
_LATER = 150_000_000  # bytes of libraries that a run loads when it first needs them
_KEPT_IN_EVALUATION = 2  # of the largest tensors at once: nothing is kept for a backward pass; measured
_AHEAD = 2  # batches that each loader process makes before they are asked for
_WORKER = 60_000_000  # bytes that a loader process does not share with its parent; 30 MB measured on small images
# What the estimate depends on; nothing else of a configuration makes another one.
_COUNTED = ("detector", "criterion", "optim", "lr_factors", "image_size", "eval_batch_size", "channels_last")
_PACKAGE = Path(__file__).parents[1]
_PROCESS = 700_000_000  # bytes of each further training process on the CPU: Python and the libraries


class MemoryNeed(NamedTuple):
    """Bytes that one process of a training takes, beside what it has before the network is built.

    Attributes:
        fixed: Weights, gradients, optimizer state and moving average; on the CPU also the loader processes.
        kept: For an image of a pass, each of the tensors that autograd keeps for the backward pass.
        image: For an image of a pass, in the batches that are there or made ahead.
        evaluation: For a batch of the validation, which comes when those of training are gone.
        on_heap: Whether the C library's heap holds the tensors, where what is freed is not always given back.
    """

    fixed: int
    kept: tuple[int, ...]
    image: int = 0
    evaluation: int = 0
    on_heap: bool = False

    def of(self, images: int) -> int:
        """Bytes with so many images in a pass.

        Example:
            >>> MemoryNeed(fixed=100, kept=(3, 6), image=1, evaluation=15).of(8)
            180
        """
        kept = sum(_taken(size * images, self.on_heap) for size in self.kept)
        return self.fixed + max(images * self.image + kept, self.evaluation)

    def images_within(self, budget: int) -> int:
        """The most images of a pass that stay within so many bytes; 0 where not one does.

        Example:
            >>> need = MemoryNeed(fixed=100, kept=(3, 6), image=1, evaluation=15)
            >>> need.images_within(185), need.images_within(110)
            (8, 0)
        """
        most = max(0, budget - self.fixed) // (sum(self.kept) + self.image)
        return next((images for images in range(most, 0, -1) if self.of(images) <= budget), 0)


class TrainingMemory(NamedTuple):
    """Bytes that a training takes where memory may run out: on one GPU, or on the machine for all processes together.

    Attributes:
        need: Of one process.
        device: Of the first process.
        devices: Number of processes, which share every pass.
    """

    need: MemoryNeed
    device: torch.device
    devices: int = 1

    def of(self, images: int) -> int:
        """Bytes with so many images in a pass over all devices."""
        each = self.need.of(-(-images // self.devices))
        return each if self.device.type == "cuda" else self.devices * each + self._further_processes

    def images_within(self, budget: int) -> int:
        """The most images of a pass over all devices that stay within so many bytes; 0 where not even one for each."""
        if self.device.type != "cuda":
            budget = (budget - self._further_processes) // self.devices
        return self.devices * self.need.images_within(budget)

    @property
    def _further_processes(self) -> int:
        return (self.devices - 1) * _PROCESS


def can_be_estimated(trainer: DictConfig) -> bool:
    """Whether a step of this trainer can be rehearsed: in a known precision, with the whole network on each device.

    Args:
        trainer: The node `trainer` of a configuration.
    """
    known = str(trainer.accelerator) in ("auto", "cpu", "gpu", "cuda")
    sharded = any(name in str(trainer.strategy).lower() for name in ("fsdp", "deepspeed", "model_parallel", "xla"))
    return known and not sharded and str(trainer.precision) in PRECISIONS


def training_memory(cfg: DictConfig) -> TrainingMemory:
    """Takes a step of two images and tells from it what a training takes.

    Args:
        cfg: Of `lssd train`; its batch size does not matter. `can_be_estimated` is true of its trainer.

    Raises:
        ValueError, FileNotFoundError: For a configuration from which no step can be built, with what to change.
    """
    unlike = {"batch_size": _IMAGES, "compile": False, "run_dir": None, "resume": "never"}
    same = changed(cfg, **unlike, trainer={"accumulate_grad_batches": 1})
    device = place_of(cfg.trainer).device
    devices, num_classes = devices_of(cfg.trainer, device), len(build(cfg.data).class_names)
    workers = loader_processes(cfg.num_workers, devices) if device.type == "cpu" else 0  # a GPU holds no batches ahead
    need = _need(json.dumps(resolved(same), default=str, sort_keys=True), num_classes, workers)
    return TrainingMemory(need, device, devices)


def devices_of(trainer: DictConfig, device: torch.device) -> int:
    """Devices of one machine that a trainer uses.

    Args:
        trainer: The node `trainer` of a configuration.
        device: The first of them.
    """
    if named := named_gpus(trainer.devices):
        return len(named)
    if str(trainer.devices) not in ("auto", "-1"):
        return int(trainer.devices)
    return torch.cuda.device_count() if device.type == "cuda" else 1


@lru_cache(maxsize=8)  # the batch is chosen first, and checked once the run has its place
def _need(config: str, num_classes: int, workers: int) -> MemoryNeed:
    """By an earlier trial or by one now."""
    file = _file(json.loads(config), num_classes, workers)
    try:
        return MemoryNeed(**{**(known := read_json(file)), "kept": tuple(known["kept"])})
    except (OSError, ValueError, KeyError, TypeError):
        need = _tried(config, num_classes, workers)
    with suppress(OSError):  # without a cache that can be written, the next run tries again
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, need._asdict())
    return need


def _file(config: dict[str, Any], num_classes: int, workers: int) -> Path:
    """Where the result is kept: by what it depends on, PyTorch, and the newest of this package's files."""
    newest = max(path.stat().st_mtime_ns for path in _PACKAGE.rglob("*.py"))
    counted = {key: config.get(key) for key in _COUNTED} | {"ema": config["callbacks"].get("ema")}
    place = [config["trainer"][key] for key in ("accelerator", "precision")]
    text = json.dumps([counted, place, num_classes, workers, torch.__version__, newest], sort_keys=True, default=str)
    return default_cache_dir() / "memory_needs" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _tried(config: str, num_classes: int, workers: int) -> MemoryNeed:
    cfg = cast(DictConfig, OmegaConf.create(json.loads(config)))
    dry_run = DryRunStep(cfg, num_classes, place_of(cfg.trainer))
    batch = dry_run.batch(_IMAGES, _OBJECTS)
    sizes = _step(dry_run, batch)
    average = dry_run.average.average.values() if dry_run.average else ()
    state = (value for known in dry_run.optimizer.state.values() for value in known.values())
    weights = list(dry_run.detector.parameters())
    lasting = _bytes([*weights, *weights, *dry_run.detector.buffers(), *average, *state])  # twice: with gradients
    image, kept = prod(batch.images.shape[1:]), tuple(size // _IMAGES for size in sizes)
    on_cpu = batch.images.device.type == "cpu"
    del dry_run, batch
    _give_back()
    return MemoryNeed(
        fixed=lasting + (_LATER if on_cpu else 0) + 2 * workers * _WORKER,  # training and validation have their own
        kept=kept,
        image=image * (_AHEAD * workers + 1),
        evaluation=cfg.eval_batch_size * (_KEPT_IN_EVALUATION * max(kept, default=0) + image),
        on_heap=on_cpu,
    )


def _taken(size: int, on_heap: bool) -> int:
    """Bytes that a tensor of so many bytes takes."""
    return int(_HEAP * size) if on_heap and size < _MAPPED else size


def _step(dry_run: DryRunStep, batch: Batch) -> list[int]:
    """Takes a whole step; returns the bytes of each tensor that was kept for the backward pass, weights apart."""
    lasting = {each.untyped_storage().data_ptr() for each in _tensors_of(dry_run)}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in lasting:  # views of one tensor share it
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = dry_run.loss(dry_run.forward(batch), batch)
    loss.backward()
    dry_run.optimizer.step()
    return list(kept.values())


def _tensors_of(dry_run: DryRunStep) -> list[Tensor]:
    return [*dry_run.detector.parameters(), *dry_run.detector.buffers()]


def _bytes(values: Iterable[object]) -> int:
    return sum(value.nbytes for value in values if isinstance(value, Tensor))


def _give_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
