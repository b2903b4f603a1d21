"""One training step of ours and of other detectors, each whole and as bare forward and backward of its own network.

Bare: the images through the network, then a fixed gradient of its raw outputs back to the weights. Whole: the same
with everything else that a step does, that is matching, losses, optimizer and moving average, each as in its own
project. The difference is what a project adds to PyTorch's own work.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._pytree import tree_leaves, tree_map

from lightweight_ssd.benchmark.peers import SSDLITE320, YOLO11N, ssdlite320, yolo11n
from lightweight_ssd.tensor_types import Batch, RawOutputs
from lightweight_ssd.training.bare_step import DryRunStep, Place

__all__ = ["Step", "our_step", "ssdlite320_step", "yolo11n_step"]

_DECAY = 0.9998  # of every moving average
_CLIP_NORM = 10.0  # of Ultralytics' trainer
_PEER_LEARNING_RATE = 1e-3  # small, so that training on noise never overflows


class Step(NamedTuple):
    """A training step, whole and bare.

    Attributes:
        name: Name of the detector.
        bare: Forward and backward alone.
        whole: The whole step.
        parts: What `whole` adds to `bare`, by name; one may be a part of another. Empty for peers.
    """

    name: str
    bare: Callable[[], None]
    whole: Callable[[], None]
    parts: dict[str, Callable[[], object]]


def our_step(dry_run: DryRunStep, batch: Batch) -> Step:
    """The step of our detector.

    Args:
        dry_run: Parts of the configured step.
        batch: Batch on their device.
    """
    detector, raw = dry_run.detector, tree_map(_leaf, dry_run.forward(batch))
    parts: dict[str, Callable[[], object]] = {
        **_matching(dry_run.criterion, raw, batch),
        "matching and losses": lambda: torch.autograd.grad(dry_run.loss(raw, batch), _learned(raw)),
        "optimizer": lambda: _step_with_gradients(dry_run.optimizer),
        "moving average": dry_run.update_average,
    }
    name = f"{type(detector.backbone).__name__} + {type(detector.neck).__name__}"
    bare = _bare(lambda: _learned(dry_run.forward(batch)), detector)
    return Step(name, bare, lambda: dry_run.step(batch), parts)


def ssdlite320_step(num_classes: int, batch: Batch, place: Place) -> Step:
    """torchvision's SSDLite with its own matching and losses, momentum SGD and an averaged model.

    Args:
        num_classes: Classes, background not counted.
        batch: Batch of 320×320 images, on the device.
        place: Device and precision.
    """
    model = ssdlite320(num_classes).to(place.device).train()
    optimizer = SGD(model.parameters(), _PEER_LEARNING_RATE, momentum=0.9, weight_decay=4e-5)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(_DECAY), use_buffers=True)
    images, real = [image / 255 for image in batch.images], batch.labels >= 0
    pairs = zip(batch.boxes, batch.labels, real, strict=True)
    targets = [{"boxes": boxes[known], "labels": labels[known] + 1} for boxes, labels, known in pairs]

    def outputs() -> list[Tensor]:
        with place.autocast():
            features = model.backbone(model.transform(images)[0].tensors)
            return list(model.head(list(features.values())).values())

    def whole() -> None:
        with place.autocast():
            loss = torch.stack(list(model(images, targets).values())).sum()
        _update(loss, optimizer)
        average.update_parameters(model)

    return Step(SSDLITE320, _bare(outputs, model), whole, {})


def yolo11n_step(num_classes: int, batch: Batch, place: Place, notes: list[str]) -> Step | None:
    """Ultralytics' smallest YOLO11 with its own assigner and losses, optimizer, clipping and moving average.

    Args:
        num_classes: Classes.
        batch: Batch of 320×320 images, on the device.
        place: Device and precision.
        notes: Notes of the record; get a sentence if Ultralytics is not installed.

    Returns:
        The step, or None without Ultralytics.
    """
    model = yolo11n(num_classes, notes)
    if model is None:
        return None
    from ultralytics.engine.trainer import BaseTrainer
    from ultralytics.utils.torch_utils import ModelEMA

    model = model.to(place.device).train()
    optimizer = BaseTrainer.build_optimizer(SimpleNamespace(), model, "SGD", _PEER_LEARNING_RATE, 0.9, 5e-4)  # pyright: ignore[reportArgumentType]
    average = ModelEMA(model, _DECAY)
    known = _as_ultralytics(batch)

    def outputs() -> list[Tensor]:
        with place.autocast():
            found = model(known["img"])
            return [found["boxes"], found["scores"]]

    def whole() -> None:
        with place.autocast():
            loss = model(known)[0].sum()
        _update(loss, optimizer, lambda: nn.utils.clip_grad_norm_(model.parameters(), _CLIP_NORM))
        average.update(model)

    return Step(YOLO11N, _bare(outputs, model), whole, {})


def _matching(criterion: Any, raw: Any, batch: Batch) -> dict[str, Callable[[], object]]:
    """Matching by itself, where a criterion matches the anchors of its raw outputs once."""
    if not hasattr(criterion, "matcher") or not isinstance(raw, RawOutputs):
        return {}
    return {"matching": lambda: criterion.matcher(raw.anchors, batch.boxes, batch.labels, raw.cells)}


def _learned(raw: Any) -> list[Tensor]:
    """Those of the raw outputs that losses have gradients for."""
    return [each for each in tree_leaves(raw) if isinstance(each, Tensor) and each.requires_grad]


def _leaf(output: Any) -> Any:
    """A raw output cut off from the network, where it has gradients."""
    return output.detach().requires_grad_() if isinstance(output, Tensor) and output.requires_grad else output


def _bare(outputs: Callable[[], Sequence[Tensor]], network: nn.Module) -> Callable[[], None]:
    """Forward, and backward from gradients of the raw outputs that are made once."""
    gradients = [torch.full_like(output, 1e-4) for output in outputs()]

    def bare() -> None:
        torch.autograd.backward(list(outputs()), gradients)
        network.zero_grad()

    return bare


def _update(loss: Tensor, optimizer: Optimizer, clip: Callable[[], object] = int) -> None:
    loss.backward()
    clip()
    optimizer.step()
    optimizer.zero_grad()


def _step_with_gradients(optimizer: Optimizer) -> None:
    """The optimizer alone; parameters get a gradient of zeros first, since it would skip them without one."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
    optimizer.step()


def _as_ultralytics(batch: Batch) -> dict[str, Tensor]:
    """The same batch in the format of Ultralytics' trainer: boxes of all images in one list, as shares of the image."""
    height, width = batch.images.shape[-2:]
    image_index, _ = (batch.labels >= 0).nonzero(as_tuple=True)
    boxes, labels = batch.boxes[batch.labels >= 0], batch.labels[batch.labels >= 0]
    corner, opposite = boxes[:, :2], boxes[:, 2:]
    shares = torch.cat([(corner + opposite) / 2, opposite - corner], dim=-1)
    size = boxes.new_tensor([width, height, width, height])
    return {
        "img": batch.images / 255,
        "batch_idx": image_index.float(),
        "cls": labels[:, None].float(),
        "bboxes": shares / size,
    }
