"""The runtimes that one image can go through a detector in, from PyTorch's eager mode to an exported file."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from lightweight_ssd.benchmark.exported import run_file
from lightweight_ssd.benchmark.models import Image, Model, format_of
from lightweight_ssd.benchmark.record import import_peer

__all__ = ["RUNTIMES", "Prepared", "RuntimeName", "prepare"]

RuntimeName = Literal[
    "eager", "compiled", "onnx", "onnx_int8", "openvino", "openvino_bf16", "openvino_int8", "ncnn", "mnn", "executorch",
    "executorch_int8",
]  # fmt: skip
"""PyTorch's eager mode, `torch.compile`, and formats of `lssd export`, in float32 unless the name says otherwise."""

RUNTIMES: Final[tuple[RuntimeName, ...]] = get_args(RuntimeName)


class Prepared(NamedTuple):
    """A model that is ready to run.

    Attributes:
        run: Takes one image through it, to its raw outputs.
        seconds_to_prepare: Seconds of compilation or export and of the first image.
    """

    run: Callable[[], Sequence[Any]]
    seconds_to_prepare: float


def prepare(runtime: RuntimeName, model: Model, image: Image, notes: list[str]) -> Prepared | None:
    """Prepares a model for a runtime and runs it once.

    Args:
        runtime: Its name.
        model: Detector.
        image: One image, values 0 to 255.
        notes: Notes of the record; get a sentence if the runtime needs what is not installed.

    Returns:
        What runs it, or None where something is missing.
    """
    started = time.perf_counter()
    if runtime == "eager":
        run = _eager(model.network, image)
    elif runtime == "compiled":
        run = _compiled(model.network, image, notes)
    else:
        run = _exported(runtime, model, image, notes)
    if run is None:
        return None
    run()
    return Prepared(run, time.perf_counter() - started)


def _eager(model: nn.Module, image: Image) -> Callable[[], Sequence[Tensor]]:
    def run() -> Sequence[Tensor]:
        with torch.inference_mode():
            return model(image)

    return run


def _compiled(model: nn.Module, image: Image, notes: list[str]) -> Callable[[], Sequence[Tensor]] | None:
    from torch._dynamo.exc import BackendCompilerFailed
    from torch._inductor.exc import InvalidCxxCompiler

    run = _eager(torch.compile(model, dynamic=False), image)  # pyright: ignore[reportArgumentType]
    try:
        run()
    except (BackendCompilerFailed, InvalidCxxCompiler) as error:
        if "InvalidCxxCompiler" not in f"{type(error).__name__} {error}":
            raise
        _note_once(notes, "torch.compile is left out: it needs a C++ compiler; apt-get install g++ brings one.")
        return None
    return run


def _exported(runtime: str, model: Model, image: Image, notes: list[str]) -> Callable[[], Sequence[Any]] | None:
    """Runs the file that a model's own package writes."""
    missing: list[str] = []
    chosen, _ = format_of(runtime)
    for module in chosen.packages.values():
        import_peer(module, f"'lightweight-ssd[{chosen.extra}]'", missing)
    for note in missing:
        _note_once(notes, note)
    if missing:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = model.export(runtime, image, Path(folder))
        if path is None:
            _note_once(notes, f"{model.name} has no means of its own to be written for {runtime}.")
            return None
        return run_file(runtime, path, image.numpy(), torch.get_num_threads())


def _note_once(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)
