"""OpenVINO: an `.xml` file with the graph and a `.bin` file with the weights.

It is read from the ONNX file, so that one tracer serves both. int8 is post-training quantization by NNCF. fp16 stores
the weights in half of the space; arithmetic stays the device's choice, and OpenVINO's own default is bfloat16 where the
processor has it. The runtime of this package asks for float32 unless told otherwise.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lightweight_ssd.export.format import Format, Order
from lightweight_ssd.export.onnx import ONNX
from lightweight_ssd.export.onnx_graph import outside_network
from lightweight_ssd.export.traced import quiet_exporter
from lightweight_ssd.system.telemetry import forbid_telemetry

__all__ = ["OpenVINO"]


class OpenVINO(Format):
    """Settings of OpenVINO's files."""

    suffix = ".xml"
    packages = {"openvino": "openvino", "nncf": "nncf", "onnx": "onnx", "onnxscript": "onnxscript"}
    extra = "openvino"

    def __init__(self, opset: int = 20, calibration_images: int = 300) -> None:
        """Keep the settings.

        Args:
            opset: Version of ONNX's operators on the way; 18 or more.
            calibration_images: Number of training images from which int8 learns the ranges of activations.

        Raises:
            ValueError: For a setting out of its range.
        """
        self._onnx = ONNX(opset, calibration_images=calibration_images)
        self.calibration_images = calibration_images

    def write(self, order: Order, path: Path) -> None:
        forbid_telemetry()
        import onnx
        import openvino

        model = self._onnx.exported(order)
        with tempfile.TemporaryDirectory() as folder, quiet_exporter():
            onnx.save(model, str(file := Path(folder) / "model.onnx"))
            converted = openvino.convert_model(str(file))
            if order.precision == "int8":
                converted = self._quantized(converted, order, outside_network(model))
        for key, value in order.metadata.items():
            converted.set_rt_info(value, [key])
        openvino.save_model(converted, str(path), compress_to_fp16=order.precision == "fp16")

    def _quantized(self, model: Any, order: Order, in_float: list[str]) -> Any:
        import nncf

        kind = np.uint8 if order.dtype == torch.uint8 else np.float32
        images = order.calibration(self.calibration_images)
        known = {node.get_friendly_name() for node in model.get_ops()}
        return nncf.quantize(
            model, nncf.Dataset([image.astype(kind) for image in images]), subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=sorted(known & set(in_float)), validate=False),
        )  # fmt: skip
