"""What every file format of `lssd export` offers: what it needs, what it can hold, and how its file is written."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch.fx import GraphModule

from lightweight_ssd.ops.thresholds import Thresholds

__all__ = ["Calibration", "Format", "Input", "Order", "Precision"]

Input = Literal["uint8", "float32"]
Precision = Literal["fp32", "fp16", "int8"]
Calibration = Callable[[int], Sequence[UInt8[np.ndarray, "1 3 H W"]]]


class Order(NamedTuple):
    """What is to be written.

    Attributes:
        graph: The network as plain operations; in evaluation mode, on the CPU.
        image_size: (height, width) of the images, pixels.
        outputs: Names of the outputs, in their order.
        batch: Images at once; None = any number.
        dtype: Of the images: `torch.uint8` or `torch.float32`.
        precision: Of weights and arithmetic.
        calibration: Gives so many training images, for int8.
        suppression: Thresholds of the non-maximum suppression in the file; None = it has none.
        metadata: Text for the file itself, where it has room for it, by key.
    """

    graph: GraphModule
    image_size: tuple[int, int]
    outputs: tuple[str, ...]
    batch: int | None
    dtype: torch.dtype
    precision: Precision
    calibration: Calibration
    suppression: Thresholds | None
    metadata: dict[str, str]


class Format(ABC):
    """A file format, with its settings as attributes.

    Attributes:
        suffix: Of its file.
        packages: Modules that it needs, by the name of the distribution that has them.
        extra: Of this package, which installs them.
        precisions: Those that it can be written in.
        any_batch: Whether one file can take any number of images at once.
        suppresses: Whether its file can hold a non-maximum suppression.
        inputs: Types of images that its file can take, the usual one first.
    """

    suffix: ClassVar[str]
    packages: ClassVar[dict[str, str]]
    extra: ClassVar[str]
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "fp16", "int8")
    any_batch: ClassVar[bool] = True
    suppresses: ClassVar[bool] = False
    inputs: ClassVar[tuple[Input, ...]] = ("uint8", "float32")

    @abstractmethod
    def write(self, order: Order, path: Path) -> None:
        """Writes the file, and files beside it whose names begin like its own where the format has several.

        Args:
            order: What is to be written.
            path: File in an empty folder.
        """

    @property
    def name(self) -> str:
        """As `format=…` has it, which is the name of its module."""
        return type(self).__module__.rpartition(".")[2]

    def expect(self, precision: Precision, batch: int | None, given_input: str, outputs: str = "boxes") -> None:
        """Refuses what this format cannot do, before anything is computed.

        Raises:
            ValueError: With what to give or to install instead.
        """
        if precision not in self.precisions:
            raise ValueError(
                f"Expected precision={'|'.join(self.precisions)} for format={self.name} but got {precision}; "
                f"{self.why_not(precision)}"
            )
        if batch is None and not self.any_batch:
            raise ValueError(f"Expected batch=N for format={self.name}, whose files take a fixed number of images.")
        if given_input not in self.inputs:
            raise ValueError(f"Expected input={'|'.join(self.inputs)} for format={self.name} but got {given_input}.")
        if outputs == "nms" and not self.suppresses:
            raise ValueError(
                f"Expected outputs=boxes|raw for format={self.name} but got nms; only format=onnx has room for the "
                "suppression."
            )
        missing = [name for name, module in self.packages.items() if importlib.util.find_spec(module) is None]
        if missing:
            raise ValueError(
                f"Expected the packages that format={self.name} needs but {', '.join(missing)} cannot be imported; "
                f"run pip install 'lightweight-ssd[{self.extra}]'."
            )

    def why_not(self, precision: Precision) -> str:
        """The end of the sentence that refuses a precision: why, and what to give instead."""
        return f"give precision={self.precisions[0]}."
