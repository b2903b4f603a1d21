"""Darknet in plain PyTorch: networks as their configurations list them, files of weights, forward passes.

It shares no code with the detectors. A layer is a kind and its numbers: `conv` (filters, size, stride), `out` (outputs
of all anchors of a cell), `max` (stride), `route` (layers to join), `add` (layer to add), `up` and `reorg`. As in
Darknet, negative numbers of layers count from the layer that has them.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Layers = list[tuple[Any, ...]]
OLD, NEW = struct.pack("<4i", 0, 1, 0, 32_000), struct.pack("<3iq", 0, 2, 0, 32_013_312)  # headers, with images seen


def _convs(*channels: int) -> Layers:
    """3×3 convolutions, and 1×1 ones after every one of them."""
    return [("conv", each, 1 if index % 2 else 3, 1) for index, each in enumerate(channels)]


def _tiny(*channels: int) -> Layers:
    return [layer for each in channels for layer in (("conv", each, 3, 1), ("max", 2))][:-1]


def _darknet53() -> Layers:
    layers: Layers = [("conv", 32, 3, 1)]
    for filters, blocks in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        unit = [("conv", filters // 2, 1, 1), ("conv", filters, 3, 1), ("add", -3)]
        layers += [("conv", filters, 3, 2), *unit * blocks]
    return layers


def _set(width: int) -> Layers:
    pair = [("conv", width, 1, 1), ("conv", 2 * width, 3, 1)]
    return [*pair * 3, ("out", 3), ("yolo",)]


NETWORKS: dict[str, Layers] = {
    "yolov2": [
        *(*_convs(32), ("max", 2), *_convs(64), ("max", 2), *_convs(128, 64, 128), ("max", 2)),
        *(*_convs(256, 128, 256), ("max", 2), *_convs(512, 256, 512, 256, 512), ("max", 2)),
        *(*_convs(1024, 512, 1024, 512, 1024), *_convs(1024), *_convs(1024)),
        *(("route", -9), ("conv", 64, 1, 1), ("reorg",), ("route", -1, -4), *_convs(1024), ("out", 5)),
    ],
    "tiny_yolov2": [*_tiny(16, 32, 64, 128, 256, 512), ("max", 1), *_convs(1024), *_convs(1024), ("out", 5)],
    "yolov3": [
        *(*_darknet53(), *_set(512)),
        *(("route", -4), ("conv", 256, 1, 1), ("up",), ("route", -1, 61), *_set(256)),
        *(("route", -4), ("conv", 128, 1, 1), ("up",), ("route", -1, 36), *_set(128)),
    ],
    "tiny_yolov3": [
        *(*_tiny(16, 32, 64, 128, 256, 512), ("max", 1), *_convs(1024)),
        *(("conv", 256, 1, 1), *_convs(512), ("out", 3), ("yolo",)),
        *(("route", -4), ("conv", 128, 1, 1), ("up",), ("route", -1, 8), *_convs(256), ("out", 3), ("yolo",)),
    ],
}


def write(path: Path, layers: Layers, classes: int, width: float = 1.0, header: bytes = NEW) -> Path:
    """A file of drawn weights as Darknet saves them."""
    random = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(header)
        for inputs, outputs, size, normalized in _shapes(layers, classes, width):
            values = [random.normal(0, 0.2, outputs)]
            if normalized:
                values += [random.uniform(0.5, 1.5, outputs), random.normal(0, 0.2, outputs)]
                values += [random.uniform(0.5, 1.5, outputs)]
            kernel = random.normal(0, (2 / (inputs * size**2)) ** 0.5, outputs * inputs * size**2)
            file.write(np.concatenate([*values, kernel]).astype("<f4").tobytes())
    return path


def _shapes(layers: Layers, classes: int, width: float) -> Iterator[tuple[int, int, int, bool]]:
    """(inputs, outputs, size, normalized) of every convolution."""
    channels: list[int] = []
    before = 3
    for index, (kind, *numbers) in enumerate(layers):
        if kind in ("conv", "out"):
            after = round(numbers[0] * width) if kind == "conv" else numbers[0] * (5 + classes)
            yield before, after, numbers[1] if kind == "conv" else 1, kind == "conv"
            before = after
        elif kind == "route":
            before = sum(channels[_absolute(index, each)] for each in numbers)
        elif kind == "reorg":
            before *= 4
        channels.append(before)


def _absolute(index: int, layer: int) -> int:
    return index + layer if layer < 0 else layer


def run(path: Path, layers: Layers, classes: int, width: float, images: Tensor, header: bytes = NEW) -> Tensor:
    """(B, A, 5 + C): x, y, w, h, objectness and classes of all anchors, by level from fine to coarse, row, column."""
    values = torch.from_numpy(np.fromfile(path, "<f4", offset=len(header))).to(images.dtype)
    shapes, maps, found, x = _shapes(layers, classes, width), [], [], images
    for index, (kind, *numbers) in enumerate(layers):
        if kind in ("conv", "out"):
            inputs, outputs, size, normalized = next(shapes)
            counts = [outputs] * (4 if normalized else 1) + [outputs * inputs * size**2]
            (bias, *norm, kernel), values = values[: sum(counts)].split(counts), values[sum(counts) :]
            stride = numbers[2] if kind == "conv" else 1
            x = F.conv2d(x, kernel.reshape(outputs, inputs, size, size), None, stride, size // 2)
            if norm:
                scale, mean, variance = (each[:, None, None] for each in norm)
                x = F.leaky_relu(scale * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None], 0.1)
            else:
                x = x + bias[:, None, None]
                found.append(x.unflatten(1, (numbers[0], 5 + classes)).permute(0, 3, 4, 1, 2).flatten(1, 3))
        elif kind == "max":  # beyond the right and lower edge there is nothing
            x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, numbers[0])
        elif kind == "route":
            x = torch.cat([maps[_absolute(index, each)] for each in numbers], dim=1)
        elif kind == "add":
            x = x + maps[_absolute(index, numbers[0])]
        elif kind == "up":
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        elif kind == "reorg":
            x = reorg(x)
        maps.append(x)
    assert not len(values)
    return torch.cat(found[::-1], dim=1)


def reorg(x: Tensor) -> Tensor:
    """What Darknet's `reorg` of stride 2 does, one value after the other, on flat memory."""
    batch, channels, height, width = x.shape
    flat, out, quarter = x.flatten(), torch.empty_like(x).flatten(), channels // 4
    for b, k, j, i in np.ndindex(batch, channels, height, width):
        offset, c2 = k // quarter, k % quarter
        column, row = 2 * i + offset % 2, 2 * j + offset // 2
        source = column + 2 * width * (row + 2 * height * (c2 + quarter * b))
        out[i + width * (j + height * (k + channels * b))] = flat[source]
    return out.reshape(batch, 4 * channels, height // 2, width // 2)
