"""How large a detector is and how much it computes: parameters and MACs by part."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["complexity", "macs_by_part", "parameters_by_part"]


def parameters_by_part(detector: nn.Module) -> dict[str, int]:
    """Trainable and frozen weights of each part, such as backbone, neck and head; buffers are not counted."""
    return {name: sum(weight.numel() for weight in part.parameters()) for name, part in detector.named_children()}


def macs_by_part(detector: nn.Module, image_size: int | Sequence[int]) -> dict[str, int]:
    """Multiply-accumulate operations (MACs) of one image in each part, such as backbone, neck and head.

    Counted are convolutions and matrix products, half of what PyTorch's counter calls floating-point operations.
    Normalization, activations, pooling and post-processing are not counted, as is usual.

    Args:
        detector: Detector on any device, whose `trace` runs every layer; it is not changed.
        image_size: Size of the network's input, pixels: height and width, or one number for both.

    Raises:
        ValueError: For an image smaller than the detector takes, or a size that is not one or two numbers.
    """
    return _trace(detector, image_size)[0]


def complexity(detector: nn.Module, image_size: int | Sequence[int]) -> dict[str, Any]:
    """Everything that depends on the architecture alone, ready for JSON.

    Args:
        detector: Detector on any device, whose `trace` runs every layer; it is not changed.
        image_size: Size of the network's input, pixels: height and width, or one number for both.

    Returns:
        `parameters` and `macs` of the whole detector, `parts` with the same two by part, `anchors`, and `input_size`
        as [height, width].

    Raises:
        ValueError: As `macs_by_part`.
    """
    parameters = parameters_by_part(detector)
    macs, anchors = _trace(detector, image_size)
    return {
        "parameters": sum(weight.numel() for weight in detector.parameters()),
        "macs": sum(macs.values()),
        "parts": {part: {"parameters": parameters[part], "macs": macs[part]} for part in parameters},
        "anchors": anchors,
        "input_size": list(_pair(image_size)),
    }


def _trace(detector: nn.Module, image_size: int | Sequence[int]) -> tuple[dict[str, int], int]:
    """MACs by part and the number of anchors, from a copy without data: no weight is read or computed."""
    height, width = _pair(image_size)
    least: Any = getattr(detector, "min_size", 1)
    if min(height, width) < least:
        raise ValueError(f"Expected an image_size of {least} pixels or more a side but got {image_size}.")
    model: Any = deepcopy(detector).to("meta").eval()
    macs = dict.fromkeys((name for name, _ in model.named_children()), 0)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for name, part in model.named_children():
            _count(macs, name, part, counter)
        outputs = model.trace(torch.empty(1, 3, height, width, device="meta"))
    return macs, outputs[0].shape[1]


def _count(macs: dict[str, int], name: str, part: nn.Module, counter: FlopCounterMode) -> None:
    """Adds the MACs of every call of a part to its own, while the counter runs."""

    def before(*_: Any) -> None:
        macs[name] -= counter.get_total_flops() // 2

    def after(*_: Any) -> None:
        macs[name] += counter.get_total_flops() // 2

    part.register_forward_pre_hook(before)
    part.register_forward_hook(after)


def _pair(image_size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width)."""
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise ValueError(f"Expected image_size as one number or [height, width] but got {image_size}.")
    return size[0], size[1]
