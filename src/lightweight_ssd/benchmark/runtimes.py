"""Detectors reduced to what they all have in common, and the runtimes that one image can go through them in.

Common to all is the path from an image with values 0 to 255 to the raw outputs: class logits and what the boxes are
computed from. Thresholds and suppression differ in kind and depend on the weights, which are random here.
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.benchmark.peers import SSDLITE320, YOLO11N, ssdlite320, yolo11n
from lightweight_ssd.benchmark.record import import_peer
from lightweight_ssd.detector.ssd import Detector

__all__ = ["Model", "Prepared", "our_model", "peer_models", "prepare"]

_EXTRA = "'lightweight-ssd[benchmarks]'"

Image = Float[Tensor, "B 3 H W"]


class Model(NamedTuple):
    """A detector to time.

    Attributes:
        name: Name in the table.
        network: From images (0 to 255, floats) to a tuple of raw outputs; in evaluation mode.
        parameters: Number of parameters of the network as it is trained.
    """

    name: str
    network: nn.Module
    parameters: int


class Prepared(NamedTuple):
    """A model that is ready to run.

    Attributes:
        run: Takes one image through it, to its raw outputs.
        seconds_to_prepare: Seconds of compilation or export and of the first image.
    """

    run: Callable[[], Sequence[Any]]
    seconds_to_prepare: float


class _Ours(nn.Module):
    """Logits and offsets; the anchors are constants."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Image) -> tuple[Tensor, Tensor]:
        raw = self.detector(images)
        return raw.logits, raw.offsets


class _SSDLite(nn.Module):
    """torchvision's network; its transform, which loops over images, is written out as the same two operations."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head
        (self.mean,), (self.std,) = set(model.transform.image_mean), set(model.transform.image_std)

    def forward(self, images: Image) -> tuple[Tensor, Tensor]:
        features = self.backbone((images / 255 - self.mean) / self.std)
        found = self.head(list(features.values()))
        return found["cls_logits"], found["bbox_regression"]


class _YOLO(nn.Module):
    """Ultralytics' network with BatchNorm fused into the convolutions, as its own prediction runs it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.eval().fuse(verbose=False)
        self.model.model[-1].training = True  # of the head itself: it then returns its raw outputs alone

    def forward(self, images: Image) -> tuple[Tensor, Tensor]:
        found = self.model(images / 255)
        return found["scores"], found["boxes"]


def our_model(detector: Detector) -> Model:
    """Our detector, named after its backbone and neck.

    Args:
        detector: Untrained or trained.
    """
    name = f"{type(detector.backbone).__name__} + {type(detector.neck).__name__}"
    return Model(name, _Ours(detector.eval()), _count(detector))


def peer_models(num_classes: int, notes: list[str]) -> list[Model]:
    """The detectors of torchvision and Ultralytics, as far as they are installed.

    Args:
        num_classes: Classes, background not counted.
        notes: Notes of the record; get a sentence for what is not installed.
    """
    ssdlite, yolo = ssdlite320(num_classes).eval(), yolo11n(num_classes, notes)
    peers = [Model(SSDLITE320, _SSDLite(ssdlite), _count(ssdlite))]
    return peers if yolo is None else [*peers, Model(YOLO11N, _YOLO(yolo), _count(yolo))]


def prepare(
    runtime: Literal["eager", "compiled", "onnx"], network: nn.Module, image: Image, notes: list[str]
) -> Prepared | None:
    """Prepares a network for a runtime and runs it once.

    Args:
        runtime: PyTorch's eager mode, `torch.compile` or ONNX Runtime.
        network: Network of a `Model`.
        image: One image, values 0 to 255.
        notes: Notes of the record; get a sentence if the runtime needs what is not installed.

    Returns:
        What runs it, or None where something is missing.
    """
    started = time.perf_counter()
    run = {"eager": _eager, "compiled": _compiled, "onnx": _onnx}[runtime](network, image, notes)
    if run is None:
        return None
    run()
    return Prepared(run, time.perf_counter() - started)


def _eager(model: nn.Module, image: Image, notes: list[str]) -> Callable[[], Sequence[Tensor]]:
    def run() -> Sequence[Tensor]:
        with torch.inference_mode():
            return model(image)

    return run


def _compiled(model: nn.Module, image: Image, notes: list[str]) -> Callable[[], Sequence[Tensor]] | None:
    from torch._dynamo.exc import BackendCompilerFailed
    from torch._inductor.exc import InvalidCxxCompiler

    run = _eager(torch.compile(model, dynamic=False), image, notes)  # pyright: ignore[reportArgumentType]
    try:
        run()
    except (BackendCompilerFailed, InvalidCxxCompiler) as error:
        if "InvalidCxxCompiler" not in f"{type(error).__name__} {error}":
            raise
        _note_once(notes, "torch.compile is left out: it needs a C++ compiler; apt-get install g++ brings one.")
        return None
    return run


def _onnx(model: nn.Module, image: Image, notes: list[str]) -> Callable[[], Sequence[Any]] | None:
    missing: list[str] = []
    onnxruntime = import_peer("onnxruntime", _EXTRA, missing)
    import_peer("onnxscript", _EXTRA, missing)
    for note in missing:
        _note_once(notes, note)
    if missing or onnxruntime is None:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    with tempfile.TemporaryDirectory() as folder:
        session = onnxruntime.InferenceSession(_export(model, image, Path(folder)), options, ["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.numpy()}
    return lambda: session.run(None, feed)


def _export(model: nn.Module, image: Image, folder: Path) -> Path:
    """A plain export: fixed sizes, nothing but PyTorch's own exporter."""
    path = folder / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its own future
        logging.disable(logging.INFO)  # it logs every constant that it folds
        try:
            torch.onnx.export(model, (image,), str(path), dynamo=True, verbose=False)
        finally:
            logging.disable(logging.NOTSET)
    return path


def _note_once(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
