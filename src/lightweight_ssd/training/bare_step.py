"""A training step as `lssd train` takes it, on random images and without Lightning: to learn its time and memory."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, ListConfig, OmegaConf
from torch import Tensor

from lightweight_ssd.checkpoint.load import as_trained
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.system.device import choose_device
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.task import parameter_groups

__all__ = ["PRECISIONS", "DryRunStep", "Place", "named_gpus", "place_of", "random_batch"]

_AUTOCAST = {"32-true": None, "32": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
PRECISIONS = tuple(_AUTOCAST)
"""Those in which a step can be rehearsed."""


class Place(NamedTuple):
    """Where a step runs.

    Attributes:
        device: Of network and data.
        autocast: Makes the context in which forward pass and losses run.
    """

    device: torch.device
    autocast: Callable[[], AbstractContextManager[Any]]


def place_of(trainer: DictConfig) -> Place:
    """Device and precision that a trainer's configuration names; the first device where it names several.

    Args:
        trainer: The node `trainer` of a configuration.

    Raises:
        ValueError: For a device that is not there, or a precision in which no step can be rehearsed.
    """
    accelerator, precision = str(trainer.accelerator), str(trainer.precision)
    if precision not in _AUTOCAST:
        raise ValueError(f"Expected trainer.precision among {', '.join(_AUTOCAST)} but got {precision}.")
    device, dtype = choose_device("cuda" if accelerator == "gpu" else accelerator), _AUTOCAST[precision]
    if device.type == "cuda":
        device = choose_device(f"cuda:{next(iter(named_gpus(trainer.get('devices'))), 0)}")
    return Place(device, lambda: torch.autocast(device.type, dtype) if dtype else nullcontext())


def named_gpus(devices: Any) -> list[int]:
    """The numbers of the GPUs that `trainer.devices` names, as Lightning reads it; empty where it is how many.

    Example:
        >>> named_gpus("0,2"), named_gpus("1,"), named_gpus([3]), named_gpus(2)
        ([0, 2], [1], [3], [])
    """
    if isinstance(devices, list | ListConfig):
        return [int(each) for each in devices]
    return [int(each) for each in devices.split(",") if each.strip()] if "," in str(devices) else []


def random_batch(
    batch_size: int, image_size: tuple[int, int], num_classes: int, objects: int, device: torch.device
) -> Batch:
    """Noise with boxes, from none to twice `objects` an image, padded as a loader pads them.

    Args:
        batch_size: Images.
        image_size: (height, width), pixels.
        num_classes: Classes.
        objects: Mean count per image, at least 1.
        device: Of the tensors.
    """
    draw = torch.Generator().manual_seed(0)
    height, width = image_size
    images = torch.randint(256, (batch_size, 3, height, width), dtype=torch.uint8, generator=draw)
    counts = torch.randint(2 * objects + 1, (batch_size, 1), generator=draw)
    shape = (batch_size, 2 * objects, 2)
    corner, side = torch.rand(shape, generator=draw) * 0.6, 0.05 + torch.rand(shape, generator=draw) * 0.35
    boxes = torch.cat([corner, corner + side], dim=-1) * torch.tensor([width, height, width, height])
    labels = torch.randint(num_classes, shape[:2], generator=draw)
    real = torch.arange(shape[1]) < counts
    boxes, labels = torch.where(real[..., None], boxes, 0.0), torch.where(real, labels, -1)
    return Batch(images.to(device), boxes.to(device), labels.to(device), [], [])


class DryRunStep:
    """The parts of a step, built from the configuration.

    Args:
        cfg: Of `lssd train`, with a number as `batch_size`.
        num_classes: Classes.
        place: Where it runs.

    Attributes:
        detector: In training mode, on the device.
        criterion: Likewise.
        optimizer: With the rate scaled to the batch.
        average: The moving average of the weights, or None where it is off.
    """

    def __init__(self, cfg: DictConfig, num_classes: int, place: Place) -> None:
        self.place = place
        self.memory_format = torch.channels_last if cfg.channels_last else torch.contiguous_format
        # Random weights take the same time and memory, and no file.
        config = as_trained({"detector": OmegaConf.to_container(cfg.detector, resolve=True)}, {})
        detector = build(config["detector"], num_classes=num_classes)
        self.detector = detector.to(place.device, memory_format=self.memory_format).train()
        if cfg.compile:
            self.detector.compile()
        self.criterion = build(cfg.criterion).to(place.device).train()
        self.optimizer = build(cfg.optim)(parameter_groups(self.detector, cfg.lr_factors))
        for group in self.optimizer.param_groups:
            group["lr"] *= group.pop("lr_factor") * cfg.batch_size / cfg.reference_batch
        self.average = build(cfg.callbacks.ema) if cfg.callbacks.ema and cfg.callbacks.ema.decay is not None else None
        if self.average:
            self.average.start(self.detector)
        size: Any = (
            OmegaConf.to_container(cfg.image_size) if OmegaConf.is_list(cfg.image_size) else [cfg.image_size] * 2
        )
        self.image_size: tuple[int, int] = tuple(size)
        self.num_classes = num_classes

    def batch(self, batch_size: int, objects: int) -> Batch:
        """Random images of the configured size, on the device; see `random_batch`."""
        batch = random_batch(batch_size, self.image_size, self.num_classes, objects, self.place.device)
        return batch._replace(images=batch.images.contiguous(memory_format=self.memory_format))

    def forward(self, batch: Batch) -> Any:
        """The images through the network, to whatever its raw outputs are."""
        with self.place.autocast():
            return self.detector(batch.images, batch.boxes, batch.labels)

    def loss(self, raw: Any, batch: Batch) -> Tensor:
        """Matching and losses, to the number that is minimized."""
        with self.place.autocast():
            return self.criterion.total(self.criterion(raw, batch.boxes, batch.labels).terms)

    def update_average(self) -> None:
        """The moving average takes the weights in, if there is one."""
        if self.average:
            self.average.steps += 1
            self.average.update(self.detector)

    def step(self, batch: Batch) -> None:
        """The whole step."""
        self.loss(self.forward(batch), batch).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.update_average()
