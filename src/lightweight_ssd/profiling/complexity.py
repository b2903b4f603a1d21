"""How large a detector is and how much it computes: parameters and MACs by part."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from lightweight_ssd.detector.ssd import Detector

__all__ = ["complexity", "macs_by_part", "parameters_by_part"]

_PARTS = ("backbone", "neck", "head")


def parameters_by_part(detector: Detector) -> dict[str, int]:
    """Trainable and frozen weights of the backbone, the neck and the head; buffers are not counted."""
    return {part: sum(weight.numel() for weight in getattr(detector, part).parameters()) for part in _PARTS}


def macs_by_part(detector: Detector, image_size: int | Sequence[int]) -> dict[str, int]:
    """Multiply-accumulate operations (MACs) of one image in the backbone, the neck and the head.

    Counted are convolutions and matrix products, half of what PyTorch's counter calls floating-point operations.
    Normalization, activations, pooling and post-processing are not counted, as is usual.

    Args:
        detector: Detector on any device; it is not changed.
        image_size: Size of the network's input, pixels: height and width, or one number for both.

    Raises:
        ValueError: For an image smaller than `detector.min_size`, or a size that is not one or two numbers.
    """
    return _trace(detector, image_size)[0]


def complexity(detector: Detector, image_size: int | Sequence[int]) -> dict[str, Any]:
    """Everything that depends on the architecture alone, ready for JSON.

    Args:
        detector: Detector on any device; it is not changed.
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
        "parts": {part: {"parameters": parameters[part], "macs": macs[part]} for part in _PARTS},
        "anchors": anchors,
        "input_size": list(_pair(image_size)),
    }


def _trace(detector: Detector, image_size: int | Sequence[int]) -> tuple[dict[str, int], int]:
    """MACs by part and the number of anchors, from a copy without data: no weight is read or computed."""
    height, width = _pair(image_size)
    if min(height, width) < detector.min_size:
        raise ValueError(f"Expected an image_size of {detector.min_size} pixels or more a side but got {image_size}.")
    model = deepcopy(detector).to("meta").eval()
    macs: dict[str, int] = {}
    with torch.no_grad():
        maps = _counted(macs, "backbone", model.backbone, torch.empty(1, 3, height, width, device="meta"))
        maps = _counted(macs, "neck", model.neck, maps)
        logits, _ = _counted(macs, "head", model.head, maps)
    return macs, logits.shape[1]


def _counted(macs: dict[str, int], part: str, module: Callable[[Any], Any], inputs: Any) -> Any:
    """Calls a module and writes its MACs into `macs`."""
    with FlopCounterMode(display=False) as counter:
        outputs = module(inputs)
    macs[part] = counter.get_total_flops() // 2
    return outputs


def _pair(image_size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width)."""
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(side, int) for side in size):
        raise ValueError(f"Expected image_size as one number or [height, width] but got {image_size}.")
    return size[0], size[1]
