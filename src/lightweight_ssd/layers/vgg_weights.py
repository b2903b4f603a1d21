"""Trained weights of VGG-16 from a local file; SSD makes convolutions of the fully connected layers."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from lightweight_ssd.layers.timm_model import LoadedWeights
from lightweight_ssd.layers.timm_weights import TrainedWeights, read_tensors

__all__ = ["load_vgg16"]

log = logging.getLogger(__name__)

_CONVOLUTIONS = 13
_OF_TORCH: Final = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # images as torchvision's and timm's training has
_OF_CAFFE: Final = (123.0, 117.0, 104.0), (1.0, 1.0, 1.0)  # and as the authors' had
_FULLY_CONNECTED: Final = (("classifier.0", "classifier.3"), ("pre_logits.fc1", "pre_logits.fc2"))


def load_vgg16(convolutions: Sequence[nn.Conv2d], file: Path) -> LoadedWeights:
    """Copy the weights of VGG-16 into convolutions.

    Args:
        convolutions: The thirteen of VGG-16, in its order; fc6 and fc7 as SSD has them may follow, and others, which
            stay as they are.
        file: With the names of torchvision or timm.

    Returns:
        What was loaded. Where the file holds no fully connected layers, or no numbers in them, as torchvision's file
        for detectors, the weights are those of VGG's authors, which expect images of the range 0 to 255.

    Raises:
        ValueError: If the file does not hold the thirteen convolutions in these shapes.
        FileNotFoundError: If there is no such file.

    Source: Liu et al., "SSD", 2016, section 3: every fourth output of fc6 and fc7, and of fc6's 7×7 kernel every third
    row and column.
    """
    tensors = read_tensors(file)
    names = sorted((name for name in tensors if re.fullmatch(r"features\.\d+\.weight", name)), key=_number)
    layers = [name.removesuffix(".weight") for name in names]
    found = [(tensors[f"{name}.weight"], tensors.get(f"{name}.bias", torch.zeros(0))) for name in layers]
    if len(found) != _CONVOLUTIONS or any(map(_differs, convolutions, found)):
        raise ValueError(
            f"Expected backbone.weights={file} to hold the {_CONVOLUTIONS} convolutions of VGG-16 at backbone.width=1 "
            f"but found {len(found)}, or others; give a file of torchvision's or timm's vgg16."
        )
    connected = _as_convolutions(tensors)
    taken = [*found, *(connected if len(convolutions) >= _CONVOLUTIONS + len(connected) else ())]
    with torch.no_grad():
        for layer, (weight, bias) in zip(convolutions, taken, strict=False):
            layer.weight.copy_(weight)
            assert layer.bias is not None
            layer.bias.copy_(bias)
    weights = TrainedWeights(tensors, str(file), file, *(_OF_TORCH if connected else _OF_CAFFE))
    log.info("backbone.weights=%s: loaded %d convolutions of VGG-16", file, len(taken))
    log.info("backbone.weights=%s: they expect images of mean %s and deviation %s", file, weights.mean, weights.std)
    others = sorted({name.rpartition(".")[0] for name in tensors} - set(layers))
    return LoadedWeights(
        str(file), str(file.absolute()), weights.sha256(), 2 * len(taken), others, weights.mean, weights.std
    )


def _number(name: str) -> int:
    return int(name.split(".")[1])


def _differs(layer: nn.Conv2d, found: tuple[Tensor, Tensor]) -> bool:
    return layer.weight.shape != found[0].shape or layer.bias is None or layer.bias.shape != found[1].shape


def _as_convolutions(tensors: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of fc6, 3×3, and fc7, 1×1, of 1024 outputs each; empty where the file has none."""
    for first, second in _FULLY_CONNECTED:
        values = [tensors.get(f"{name}.{kind}") for name in (first, second) for kind in ("weight", "bias")]
        known = [value for value in values if value is not None and bool(value.isfinite().all())]
        if len(known) == len(values):
            fc6, fc6_bias, fc7, fc7_bias = known
            kernel = fc6.reshape(len(fc6), 512, 7, 7)[::4, :, ::3, ::3]
            return [(kernel, fc6_bias[::4]), (fc7.reshape(*fc7.shape[:2], 1, 1)[::4, ::4], fc7_bias[::4])]
    return []
