"""Reads the weights that Darknet publishes, `yolov3.weights` and the like, as tensors of our detectors.

A file is a header and then numbers of 32 bits, convolution after convolution in the order of the network's
configuration, with no names. So the order must be known, and the only proof that a file fits is that every byte of it
is used. The number of classes follows from the size of the file, since everything else does not depend on it.

A file may also end early, before the first output: `darknet53.conv.74` holds the backbone alone.

Source: Darknet's `src/parser.c` (public domain): per convolution the biases, then scales, means and variances where it
is normalized, then the kernel; the outputs of an anchor are x, y, width, height, objectness and the classes.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lightweight_ssd.checkpoint.darknet_order import Layer, layers_of
from lightweight_ssd.layers.darknet import SLOPE

__all__ = ["DarknetWeights", "is_darknet", "read_darknet"]

_VERSION = struct.Struct("<3i")
_BOX_AND_OBJECT = 5  # outputs of an anchor beside its classes
_EPS = 1e-5  # that Darknet adds to the variance
_MOST = 1000  # a greater number in the header is no version, in Darknet as well


class DarknetWeights(NamedTuple):
    """What a file holds for a detector.

    Attributes:
        tensors: By their names in the detector. Class predictors have the shapes of the file's number of classes.
        about: What was read, in one sentence.
    """

    tensors: dict[str, Tensor]
    about: str


def is_darknet(path: Path) -> bool:
    """Whether a file begins with the three small numbers of a version, as Darknet's do and no other weights."""
    with path.open("rb") as file:
        start = file.read(_VERSION.size)
    return len(start) == _VERSION.size and all(0 <= number < _MOST for number in _VERSION.unpack(start))


def read_darknet(detector: Any, path: Path) -> DarknetWeights:
    """The weights of a file under the names of a detector.

    Args:
        detector: One of the YOLOs that Darknet has; only its shapes are read.
        path: Darknet's file, of any number of classes, whole or up to any layer before the first output.

    Raises:
        ValueError: If Darknet has no such detector, a setting is another one than there, so that the weights would
            compute something else, or the file has too many or too few bytes.
    """
    layers = layers_of(detector, path)
    header, size = _header_size(path), path.stat().st_size
    stop, classes = _fitting(layers, detector.num_classes, size - header, path)
    _check_settings(detector, layers[:stop], path)
    values = np.fromfile(path, dtype="<f4", offset=header)
    if not np.isfinite(values).all():
        raise ValueError(f"init_from={path} holds values that are not finite; give another file.")
    tensors, position = {}, 0
    for layer in layers[:stop]:
        count = layer.count(classes)
        tensors |= _tensors(layer, torch.from_numpy(values[position : position + count]), classes)
        position += count
    return DarknetWeights(tensors, _about(size, stop < len(layers), classes, detector.num_classes))


def _header_size(path: Path) -> int:
    """In bytes: the version and how many images were seen, a number of 64 bits since version 0.2."""
    with path.open("rb") as file:
        major, minor, _ = _VERSION.unpack(file.read(_VERSION.size))
    return _VERSION.size + (8 if major * 10 + minor >= 2 else 4)


def _fitting(layers: Sequence[Layer], own: int, size: int, path: Path) -> tuple[int, int]:
    """How many of the layers a file of `size` bytes of numbers holds, and for how many classes."""
    none, one = (sum(layer.count(classes) for layer in layers) for classes in (0, 1))
    classes, rest = divmod(size - 4 * none, 4 * (one - none))
    if classes > 0 and rest == 0:
        return len(layers), classes
    first = next(index for index, layer in enumerate(layers) if layer.anchors)
    ends = list(accumulate(4 * layer.count(0) for layer in layers[:first]))
    if size in ends:
        return ends.index(size) + 1, own
    needed = 4 * (none + own * (one - none))
    off = f"{size - needed:,} bytes are left" if size > needed else f"{needed - size:,} bytes are missing"
    raise ValueError(
        f"Expected init_from={path} to hold {needed:,} bytes of weights, as this detector has for {own} classes, but "
        f"got {size:,}: {off}, and no other number of classes fits; give the file of this very network."
    )


def _tensors(layer: Layer, values: Tensor, classes: int) -> dict[str, Tensor]:
    """The tensors of a layer by name, from its numbers in the order of the file."""
    outputs, shape = layer.outputs(classes), layer.kernel_shape
    if layer.norm is None:
        return dict(_predictors(layer, values[:outputs], values[outputs:].reshape(outputs, *shape), classes))
    *norm, kernel = values.split([outputs] * 4 + [values.numel() - 4 * outputs])
    names = ("bias", "weight", "running_mean", "running_var")
    named = {f"{layer.norm}.{name}": value for name, value in zip(names, norm, strict=True)}
    # A count of batches that only an average over all of them would use; Darknet has none.
    return {
        **named,
        f"{layer.norm}.num_batches_tracked": torch.tensor(0),
        f"{layer.conv}.weight": kernel.reshape(outputs, *shape),
    }


def _predictors(layer: Layer, bias: Tensor, kernel: Tensor, classes: int) -> Iterator[tuple[str, Tensor]]:
    """Darknet's one output convolution as our three; its outputs run over the anchors, then over their values."""
    parts = {"boxes": slice(0, 4), "objectness": slice(4, 5), "classes": slice(5, None)}
    for value, name in ((kernel, "weight"), (bias, "bias")):
        anchors = value.unflatten(0, (layer.anchors, _BOX_AND_OBJECT + classes))
        for part, chosen in parts.items():
            yield f"head.{part}.{layer.level}.{name}", anchors[:, chosen].flatten(0, 1)


def _about(size: int, body_only: bool, classes: int, own: int) -> str:
    """What was read.

    Example:
        >>> _about(248007048, False, 80, 20)
        "Darknet's weights for 80 classes, all 248,007,048 bytes read; class predictors not taken, the detector has 20"
        >>> _about(162482580, True, 20, 20)
        "Darknet's weights of the first layers, all 162,482,580 bytes read; the rest of the detector is as without them"
    """
    if body_only:
        return (
            f"Darknet's weights of the first layers, all {size:,} bytes read; the rest of the detector is as without "
            f"them"
        )
    what = (
        "its classes are taken to be in the order of the detector's"
        if classes == own
        else f"class predictors not taken, the detector has {own}"
    )
    return f"Darknet's weights for {classes} classes, all {size:,} bytes read; {what}"


def _check_settings(detector: Any, layers: Sequence[Layer], path: Path) -> None:
    """Refuse settings with which the weights of these layers would compute something else."""
    scale = [value for name in ("mean", "std") for value in getattr(detector, name).flatten().tolist()]
    eps = sorted({detector.get_submodule(layer.norm).eps for layer in layers if layer.norm is not None} - {_EPS})
    order = getattr(detector.neck, "passthrough", "darknet")
    parts = sorted({layer.conv.partition(".")[0] for layer in layers} - {"head"})
    slopes = {part: found for part in parts if (found := _other_slopes(detector.get_submodule(part)))}
    wrong = {
        "'detector.mean=[0,0,0]' 'detector.std=[255,255,255]'": scale if scale != [0.0] * 3 + [255.0] * 3 else None,
        f"backbone.norm_eps={_EPS} neck.norm_eps={_EPS}": eps or None,
        "neck.passthrough=darknet": order if order != "darknet" and "neck" in parts else None,
        " ".join(f"{part}.slope={SLOPE}" for part in slopes): _of_slopes(slopes.values()) if slopes else None,
    }
    for expected, given in wrong.items():
        if given is not None:
            raise ValueError(
                f"Expected Darknet's settings for its weights in init_from={path} but got {given}; give {expected}."
            )


def _other_slopes(part: nn.Module) -> set[float]:
    """Slopes below 0, other than Darknet's, of a part's rectifiers; those that do not leak have 0."""
    rectifiers = (module for module in part.modules() if isinstance(module, nn.LeakyReLU | nn.ReLU))
    return {getattr(module, "negative_slope", 0.0) for module in rectifiers} - {SLOPE}


def _of_slopes(found: Iterable[set[float]]) -> str:
    """What was given in place of Darknet's slope.

    Example:
        >>> _of_slopes([{0.01}, {0.0}])
        'rectifiers of slope 0.0 and 0.01'
    """
    return f"rectifiers of slope {' and '.join(map(str, sorted(set[float]().union(*found))))}"
