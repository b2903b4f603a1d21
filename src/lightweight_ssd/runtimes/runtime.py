"""Loads an exported detector by the end of its name; a new format is one more line here, and a module of its own."""

import importlib
import os
from pathlib import Path
from typing import Final, Literal

from lightweight_ssd.runtimes.base import Runtime

__all__ = ["SUFFIXES", "Runtime", "is_exported", "load_runtime"]

_RUNTIMES: Final = {  # module of this package and its class
    ".onnx": ("onnx", "OnnxRuntime"),
    ".xml": ("openvino", "OpenVinoRuntime"),
    ".param": ("ncnn", "NcnnRuntime"),
    ".mnn": ("mnn", "MnnRuntime"),
    ".pte": ("executorch", "ExecuTorchRuntime"),
    ".tflite": ("litert", "LiteRTRuntime"),
    ".pt2": ("torch", "TorchRuntime"),
}

SUFFIXES: Final = tuple(_RUNTIMES)
"""Ends of the names of exported detectors that can be run."""


def is_exported(path: str | os.PathLike[str]) -> bool:
    """Whether a path is one of an exported detector, by its name.

    Example:
        >>> is_exported("out/detector.onnx"), is_exported("checkpoints/best.ckpt")
        (True, False)
    """
    return Path(path).suffix.lower() in SUFFIXES


def load_runtime(
    path: str | os.PathLike[str], threads: int | None = None, precision: Literal["f32", "bf16"] = "f32"
) -> Runtime:
    """Loads an exported detector, without PyTorch but for `.pte` and `.pt2` files, whose runtimes need it.

    Args:
        path: Of the file; its card lies beside it or is in its metadata.
        threads: None = as many as there are cores.
        precision: Of the arithmetic. `bf16` is for OpenVINO models and changes what is found a little.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It is of no format that can be run, damaged, or a package is missing.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if precision != "f32" and suffix != ".xml":
        raise ValueError(f"Expected an OpenVINO model (.xml) for precision={precision} but got {file}; leave it out.")
    if suffix not in _RUNTIMES:
        raise ValueError(
            f"Expected an exported detector ({', '.join(SUFFIXES)}) but got {file}; `lssd export` makes one."
        )
    module, name = _RUNTIMES[suffix]
    runtime = getattr(importlib.import_module(f"lightweight_ssd.runtimes.{module}"), name)
    return runtime(file, threads, precision) if suffix == ".xml" else runtime(file, threads)
