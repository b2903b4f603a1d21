"""Detectors reduced to what they all have in common, and how each is written as a file, by its own package's means.

Common to all is the path from an image with values 0 to 255 to the raw outputs: class logits and what the boxes are
computed from. Thresholds and suppression differ in kind and depend on the weights, which are random here.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.benchmark.peers import SSDLITE320, YOLO11N, export_yolo, ssdlite320, yolo11n
from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.export.traced import quiet_exporter, rewritten

__all__ = ["Image", "Model", "format_of", "our_model", "peer_models"]

Image = Float[Tensor, "B 3 H W"]
Export = Callable[[str, Image, Path], Path | None]


class Model(NamedTuple):
    """A detector to time.

    Attributes:
        name: Name in the table.
        network: From images (0 to 255, floats) to a tuple of raw outputs; in evaluation mode.
        parameters: Number of parameters of the network as it is trained.
        export: Writes the file of a runtime, such as `onnx` or `openvino_int8`, for images of a size into a folder;
            None where its package has no means for it.
    """

    name: str
    network: nn.Module
    parameters: int
    export: Export


class _Ours(nn.Module):
    """What the weights compute; the anchors are constants."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Image) -> tuple[Tensor, ...]:
        return self.detector.trace(images)


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


def our_model(detector: Any) -> Model:
    """Our detector, named after its backbone and neck.

    Args:
        detector: Untrained or trained.
    """
    name = f"{type(detector.backbone).__name__} + {type(detector.neck).__name__}"
    return Model(name, _Ours(detector.eval()), _count(detector), _our_export(detector))


def peer_models(num_classes: int, notes: list[str]) -> list[Model]:
    """The detectors of torchvision and Ultralytics, as far as they are installed.

    Args:
        num_classes: Classes, background not counted.
        notes: Notes of the record; get a sentence for what is not installed.
    """
    ssdlite, yolo = ssdlite320(num_classes).eval(), yolo11n(num_classes, notes)
    network = _SSDLite(ssdlite)
    peers = [Model(SSDLITE320, network, _count(ssdlite), lambda *order: _plain_export(network, *order))]
    if yolo is None:
        return peers
    export = partial(export_yolo, num_classes)
    return [*peers, Model(YOLO11N, _YOLO(yolo), _count(yolo), export)]


def format_of(runtime: str) -> tuple[Format, Precision]:
    """What writes the file of a runtime, with few calibration images: here they only have to be there.

    Args:
        runtime: Name of a format, with `_int8` or, where the arithmetic alone differs, `_bf16`.
    """
    from lightweight_ssd.export.executorch import ExecuTorch
    from lightweight_ssd.export.mnn import MNN
    from lightweight_ssd.export.ncnn import NCNN
    from lightweight_ssd.export.onnx import ONNX
    from lightweight_ssd.export.openvino import OpenVINO

    name, _, precision = runtime.partition("_")
    made: dict[str, Callable[[], Format]] = {
        "onnx": lambda: ONNX(calibration_images=8), "openvino": lambda: OpenVINO(calibration_images=8), "ncnn": NCNN,
        "mnn": MNN, "executorch": lambda: ExecuTorch(calibration_images=8),
    }  # fmt: skip
    return made[name](), "int8" if precision == "int8" else "fp32"


def _our_export(detector: Any) -> Export:
    def export(runtime: str, image: Image, folder: Path) -> Path | None:
        if not hasattr(detector, "at_size"):  # two stages, with a suppression in between
            return None
        chosen, precision = format_of(runtime)
        height, width = image.shape[2:]
        network = DeployedNetwork(detector, (height, width), "raw")
        path = folder / f"model{chosen.suffix}"
        pictures = [image.numpy().astype("uint8")] * 8
        chosen.write(
            Order(
                rewritten(network, 1, torch.float32), (height, width), network.outputs, 1, torch.float32, precision,
                lambda count: pictures[:count], None, {},
            ),
            path,
        )  # fmt: skip
        return path

    return export


def _plain_export(network: nn.Module, runtime: str, image: Image, folder: Path) -> Path | None:
    """What torchvision has: PyTorch's own exporter, with a fixed size."""
    if runtime != "onnx":
        return None
    path = folder / "model.onnx"
    with quiet_exporter():
        torch.onnx.export(network, (image,), str(path), dynamo=True, verbose=False)
    return path


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
