"""Detectors reduced to what they all have in common, and the forms in which one image can go through them.

Common is the way from an image with values 0 to 255 to the raw outputs: class logits and what the boxes are computed
from. Thresholds and suppression differ in kind and depend on the weights, which are random here.
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.benchmark.peers import SSDLITE320, YOLO11N, ssdlite320, yolo11n
from lightweight_ssd.benchmark.record import import_peer
from lightweight_ssd.detector.ssd import Detector

__all__ = ["FORMS", "Contender", "Form", "make_form", "our_contender", "peer_contenders"]

FORMS = ("eager", "compiled", "onnx")
_EXTRA = "'lightweight-ssd[benchmarks]'"

Image = Float[Tensor, "B 3 H W"]


class Contender(NamedTuple):
    """A detector to time.

    Attributes:
        name: In the table.
        model: Images (0 to 255, floats) to a tuple of raw outputs; in evaluation mode.
        parameters: Of the network as it is trained.
    """

    name: str
    model: nn.Module
    parameters: int


class Form(NamedTuple):
    """One way to run a contender.

    Attributes:
        run: One image through it, to its raw outputs.
        seconds_to_make: Compilation or export.
    """

    run: Callable[[], Sequence[Any]]
    seconds_to_make: float


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


def our_contender(detector: Detector) -> Contender:
    """Ours.

    Args:
        detector: Untrained or trained.
    """
    name = f"{type(detector.backbone).__name__} + {type(detector.neck).__name__}"
    return Contender(name, _Ours(detector.eval()), _count(detector))


def peer_contenders(num_classes: int, notes: list[str]) -> list[Contender]:
    """Those of torchvision and Ultralytics that are installed.

    Args:
        num_classes: Classes, background not counted.
        notes: Get a sentence for what is not installed.
    """
    ssdlite, yolo = ssdlite320(num_classes).eval(), yolo11n(num_classes, notes)
    peers = [Contender(SSDLITE320, _SSDLite(ssdlite), _count(ssdlite))]
    return peers if yolo is None else [*peers, Contender(YOLO11N, _YOLO(yolo), _count(yolo))]


def make_form(form: str, model: nn.Module, image: Image, notes: list[str]) -> Form | None:
    """Prepares one way to run a model.

    Args:
        form: Of `FORMS`.
        model: Of a contender.
        image: One, values 0 to 255.
        notes: Get a sentence if the form needs what is not installed.

    Returns:
        The form, after one run; None where something is missing.
    """
    started = time.perf_counter()
    made = {"eager": _eager, "compiled": _compiled, "onnx": _onnx}[form](model, image, notes)
    if made is None:
        return None
    made()
    return Form(made, time.perf_counter() - started)


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
        _note_once(notes, "The compiled form is left out: it needs a C++ compiler; apt-get install g++ brings one.")
        return None
    return run


def _onnx(model: nn.Module, image: Image, notes: list[str]) -> Callable[[], Sequence[Any]] | None:
    missing: list[str] = []
    runtime = import_peer("onnxruntime", _EXTRA, missing)
    import_peer("onnxscript", _EXTRA, missing)
    for note in missing:
        _note_once(notes, note)
    if missing or runtime is None:
        return None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    with tempfile.TemporaryDirectory() as folder:
        session = runtime.InferenceSession(_export(model, image, Path(folder)), options, ["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.numpy()}
    return lambda: session.run(None, feed)


def _export(model: nn.Module, image: Image, folder: Path) -> Path:
    """A plain export: fixed sizes, nothing but PyTorch's own exporter."""
    path = folder / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its own future
        logging.disable(logging.INFO)  # it tells of every constant that it folds
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
