"""In which order Darknet's configurations list the convolutions of our detectors, by the names of their parts.

Inside a part the convolutions are registered in that order. The outputs of a level, `head N` here, stand before the
layers of the next finer one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from lightweight_ssd.neck.none import NoNeck
from lightweight_ssd.neck.tiny_yolov3 import TinyYOLOv3Neck
from lightweight_ssd.neck.yolov2 import YOLOv2Neck
from lightweight_ssd.neck.yolov3 import YOLOv3Neck

__all__ = ["Layer", "layers_of"]

_PARTS: dict[type[nn.Module], tuple[str, ...]] = {
    NoNeck: ("backbone", "head 0"),  # yolov2-tiny-voc.cfg
    YOLOv2Neck: ("backbone", "neck.deep", "neck.side", "neck.fuse", "head 0"),  # yolov2-voc.cfg
    TinyYOLOv3Neck: (  # yolov3-tiny.cfg
        *("backbone", "neck.top", "neck.coarse", "head 1"),
        *("neck.side", "neck.fine", "head 0"),
    ),
    YOLOv3Neck: (  # yolov3-voc.cfg, yolov3.cfg
        *("backbone", "neck.sets.2", "neck.output.2", "head 2"),
        *("neck.down.1", "neck.sets.1", "neck.output.1", "head 1"),
        *("neck.down.0", "neck.sets.0", "neck.output.0", "head 0"),
    ),
}
"""By the class of the neck, which differs in each of them."""


class Layer(NamedTuple):
    """A convolution of Darknet's.

    Attributes:
        conv: Name of ours, a `torch.nn.Conv2d`; of an output that of its boxes.
        norm: Name of its normalization; None for an output.
        channels: Outputs of the convolution; of an output its inputs are what counts.
        kernel_shape: (inputs, height, width) of the kernel.
        anchors: Per cell, for an output; 0 for all others.
        level: Of an output.
    """

    conv: str
    norm: str | None
    channels: int
    kernel_shape: tuple[int, ...]
    anchors: int = 0
    level: int = 0

    def outputs(self, classes: int) -> int:
        """Channels that the convolution has in Darknet."""
        return self.anchors * (5 + classes) if self.anchors else self.channels

    def count(self, classes: int) -> int:
        """Numbers in the file: a bias or the four of a normalization per channel, and the kernel."""
        inputs, height, width = self.kernel_shape
        return self.outputs(classes) * ((1 if self.anchors else 4) + inputs * height * width)


def layers_of(detector: Any, path: Path) -> list[Layer]:
    """The convolutions of a detector in Darknet's order.

    Args:
        detector: With a backbone, a neck and a head.
        path: Of the file, for the message.

    Raises:
        ValueError: If Darknet has no such detector.
    """
    parts = _PARTS.get(type(detector.neck), ())
    levels = sum(part.startswith("head ") for part in parts)
    if not parts or len(getattr(detector.head, "objectness", ())) != levels:
        raise ValueError(
            f"Expected a detector that Darknet has for its weights in init_from={path} but got one with the neck "
            f"{type(detector.neck).__name__} and the head {type(detector.head).__name__}; give detector=yolov2, "
            f"tiny_yolov2, yolov3 or tiny_yolov3."
        )
    return [layer for part in parts for layer in _layers(detector, part)]


def _layers(detector: Any, part: str) -> Iterator[Layer]:
    if part.startswith("head "):
        level = int(part.removeprefix("head "))
        boxes = detector.head.boxes[level]
        yield Layer(f"head.boxes.{level}", None, 0, tuple(boxes.weight.shape[1:]), boxes.out_channels // 4, level)
        return
    conv: tuple[str, nn.Conv2d] | None = None
    for name, module in detector.get_submodule(part).named_modules(prefix=part):
        if isinstance(module, nn.Conv2d):
            conv = name, module
        elif isinstance(module, nn.BatchNorm2d) and conv is not None:
            yield Layer(conv[0], name, conv[1].out_channels, tuple(conv[1].weight.shape[1:]))
