"""How large a detector is and how much it computes: parameters and multiply-adds by part."""

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
    """Multiply-adds of one image in the backbone, the neck and the head.

    Counted are convolutions and matrix products, half of what PyTorch's counter calls floating-point operations.
    Normalisation, activations, pooling and post-processing are not, as is usual for such figures.

    Args:
        detector: Left as it is.
        image_size: Of the network's input, pixels: height and width, or one number for both.
    """
    return _trace(detector, image_size)[0]


def complexity(detector: Detector, image_size: int | Sequence[int]) -> dict[str, Any]:
    """All figures that depend on the architecture alone, ready for JSON.

    Args:
        detector: Left as it is.
        image_size: Of the network's input, pixels: height and width, or one number for both.

    Returns:
        `parameters` and `macs` of the whole detector, `parts` with the same two by part, `anchors`, and `input_size`
        as [height, width].
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
    """Multiply-adds by part and the number of anchors, from a copy without data: no weight is touched or computed."""
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
    """What the module returns; its multiply-adds go into `macs`."""
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
