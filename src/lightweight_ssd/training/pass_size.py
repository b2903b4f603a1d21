"""Whether BatchNorm can learn from a pass: of one image it cannot where a feature map has one cell.

Its statistics are those of a channel over the images and cells of a pass. PyTorch refuses a single value, in the midst
of the first step and without a word on the settings that lead there.
"""

from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightweight_ssd.config.batch_split import BatchSplit, given_split
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.settings import resolved
from lightweight_ssd.training.bare_step import place_of
from lightweight_ssd.training.memory_estimate import can_be_estimated, devices_of

__all__ = ["check_pass", "single_value_layer"]


def check_pass(cfg: DictConfig) -> None:
    """Refuses passes of one image on each device where a BatchNorm would see one value per channel.

    Args:
        cfg: Of `lssd train`, with numbers for the batch.

    Raises:
        ValueError: With the smallest batch that can be trained.
    """
    batch = given_split(cfg)
    if batch is None or not can_be_estimated(cfg.trainer):
        return
    devices = devices_of(cfg.trainer, place_of(cfg.trainer).device) * cfg.trainer.num_nodes
    if batch.images != devices or (devices > 1 and cfg.trainer.get("sync_batchnorm")):
        return
    config = resolved(cfg)
    size = config["image_size"]
    height, width = size if isinstance(size, list) else (size, size)
    layer = single_value_layer(
        build(config["detector"], num_classes=len(build(config["data"]).class_names)), height, width
    )
    if layer is not None:
        raise ValueError(_sentence(batch, devices, size, layer))


def single_value_layer(detector: nn.Module, height: int, width: int) -> str | None:
    """The name of the first BatchNorm that gets one value per channel from one image; None where there is none.

    Args:
        detector: Takes images, uint8; a layer that stays in evaluation mode is not asked.
        height: Of the images, pixels.
        width: Likewise.
    """
    found: list[str] = []

    def note(name: str) -> Any:
        return lambda _, inputs: found.append(name) if _values(*inputs) == 1 else None

    layers = [(name, each) for name, each in detector.train().named_modules() if isinstance(each, _BatchNorm)]
    hooks = [each.register_forward_pre_hook(note(name)) for name, each in layers if each.training]
    with torch.no_grad():
        detector.eval()(torch.zeros(1, 3, height, width, dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return next(iter(found), None)


def _values(features: Tensor, *_: Any) -> int:
    """Of a channel."""
    return features.numel() // features.shape[1]


def _sentence(batch: BatchSplit, devices: int, size: Any, layer: str) -> str:
    passes = -(-batch.passes // 2)
    more = f" trainer.accumulate_grad_batches={passes}" if batch.passes > 1 else ""
    each = " on each device" if devices > 1 else ""
    return (
        f"Expected at least 2 images of a pass{each} for image_size={size}, where BatchNorm ({layer}) has one value "
        f"per channel and image, but got batch_size={batch.images}: give batch_size={2 * devices}{more}, or a larger "
        "image_size."
    )
