"""What detectors of every kind do with images before the network, and the anchors of each size of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from lightweight_ssd.anchors.generator import AnchorGenerator
from lightweight_ssd.tensor_types import Anchors

__all__ = ["Images", "KeptAnchors", "check_evaluation", "check_images", "least_side", "normalization"]

Images = UInt8[Tensor, "B 3 H W"] | Float[Tensor, "B 3 H W"]
"""RGB, 0 to 255, bytes or floats; not normalized."""

_IMAGENET = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}


def normalization(
    backbone: nn.Module, given: Mapping[str, Sequence[float] | None]
) -> dict[str, Float[Tensor, "1 3 1 1"]]:
    """`mean` and `std` of red, green and blue.

    Args:
        backbone: Its `loaded_weights` say what they expect, where it has any.
        given: By the same names; None = what the backbone's weights expect, or ImageNet's.
    """
    expected: Any = getattr(backbone, "loaded_weights", None)
    values = {name: given[name] or getattr(expected, name, usual) for name, usual in _IMAGENET.items()}
    return {name: torch.tensor(value).reshape(1, 3, 1, 1) for name, value in values.items()}


def least_side(backbone: nn.Module) -> int:
    """Shortest side of an image, pixels: the backbone's `min_size`, or half a cell of its coarsest level up to 64."""
    strides: Any = backbone.strides
    return getattr(backbone, "min_size", min(strides[-1] // 2, 64))


def check_images(images: Tensor, least: int) -> None:
    """Refuse images that a network cannot take; silent under compilation, where sizes may be symbols.

    Args:
        images: What the network was given.
        least: Shortest side, pixels.

    Raises:
        ValueError: For images that are not (B, 3, H, W) or too small.
    """
    if torch.compiler.is_compiling():
        return
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3:
        raise ValueError(f"Expected images of the shape (batch, 3, height, width) but got {shape}.")
    if min(shape[2:]) < least:
        raise ValueError(f"Expected images of {least} pixels or more a side but got {shape}; enlarge the input.")


def check_evaluation(detector: nn.Module) -> None:
    """Refuse to predict with a detector whose batch normalizations would take in what they see.

    Raises:
        ValueError: It is in training mode.
    """
    if detector.training:
        raise ValueError("Expected a detector in evaluation mode for predict but got one in training; call eval().")


class KeptAnchors:
    """Makes the anchors of maps of some sizes once, and keeps them for the next batch; a compiler sees them made.

    Args:
        anchors: Made in the order of the head.
    """

    def __init__(self, anchors: AnchorGenerator) -> None:
        self.anchors = anchors
        self._made: dict[tuple[Any, ...], Anchors] = {}

    def __call__(self, maps: list[Tensor], images: Tensor) -> Anchors:
        """The anchors of these maps of these images."""
        height, width = images.shape[-2:]
        sizes = [(rows, columns) for rows, columns in (level.shape[-2:] for level in maps)]
        if torch.compiler.is_compiling():
            return self.anchors(sizes, (height, width), images.device)
        key = (*sizes, (height, width), images.device)
        if key not in self._made:
            # Made in a validation's inference mode, they could not be used in a later training step.
            with torch.inference_mode(False):
                self._made[key] = self.anchors(sizes, (height, width), images.device)
        return self._made[key]
