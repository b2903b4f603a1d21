"""The detectors that ours is compared with, untrained, as their own packages build them; nothing is downloaded."""

import os
import tempfile
from contextlib import chdir
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from lightweight_ssd.benchmark.record import import_peer
from lightweight_ssd.export.traced import quiet_exporter
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["SSDLITE320", "YOLO11N", "export_yolo", "import_ultralytics", "ssdlite320", "yolo11n"]

SSDLITE320 = "ssdlite320_mobilenet_v3_large"
YOLO11N = "YOLO11n"


def import_ultralytics(notes: list[str]) -> ModuleType | None:
    """Imports Ultralytics, silent, offline and with its settings in a temporary folder.

    Args:
        notes: Notes of the record; get a sentence if it is not installed.

    Returns:
        The module, or None.
    """
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="lssd-ultralytics-"))
    for name, value in (("YOLO_VERBOSE", "false"), ("YOLO_OFFLINE", "true"), ("YOLO_AUTOINSTALL", "false")):
        os.environ.setdefault(name, value)  # read when it is imported
    return import_peer("ultralytics", "'lightweight-ssd[benchmarks]'", notes)


def ssdlite320(num_classes: int) -> Any:
    """Builds torchvision's SSDLite on MobileNetV3 with random weights; its images have 320×320 pixels.

    Args:
        num_classes: Classes, background not counted.
    """
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    return ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=num_classes + 1)


def yolo11n(num_classes: int, notes: list[str]) -> nn.Module | None:
    """Builds Ultralytics' smallest YOLO11 with random weights.

    Args:
        num_classes: Classes.
        notes: Notes of the record; get a sentence if Ultralytics is not installed.

    Returns:
        The network, or None without Ultralytics.
    """
    if import_ultralytics(notes) is None:
        return None
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    model: Any = DetectionModel("yolo11n.yaml", ch=3, nc=num_classes, verbose=False)
    model.args = get_cfg()  # the gains of its loss
    return model


def export_yolo(num_classes: int, runtime: str, image: Tensor, folder: Path) -> Path | None:
    """Writes YOLO11n with random weights as a file by Ultralytics' own export.

    Its graph takes values from 0 to 1 and decodes the boxes, too. Its export to MNN is left out: it needs a
    client of a telemetry service, and sends what it does there.

    Args:
        num_classes: Classes.
        runtime: One of `onnx`, `openvino`, `openvino_bf16` and `ncnn`; nothing is written for others.
        image: Of the size that the file is to take.
        folder: To write into.
    """
    files = {
        "onnx": "yolo11n.onnx", "openvino": "yolo11n_openvino_model/yolo11n.xml",
        "ncnn": "yolo11n_ncnn_model/model.ncnn.param",
    }  # fmt: skip
    files["openvino_bf16"] = files["openvino"]
    if runtime not in files:
        return None
    from ultralytics import YOLO

    network: Any = yolo11n(num_classes, [])
    with chdir(folder), quiet_exporter(), without_native_output():
        model: Any = YOLO("yolo11n.yaml", verbose=False)
        model.model = network
        network.args, network.task = vars(network.args), "detect"  # as its own constructor sets them
        model.export(format=runtime.partition("_")[0], imgsz=list(image.shape[2:]), verbose=False)
    return folder / files[runtime]
