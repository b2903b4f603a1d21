"""ONNX: one file for ONNX Runtime and for everything that reads ONNX.

int8 is static quantization with QDQ nodes. What ONNX Runtime does on a CPU decides its settings: activations without a
sign, since with one it leaves half of the convolutions in float32, and a percentile of the activations, since their
largest values cost two points of AP50. Quantizing on the fly (`quantize_dynamic`) is not offered, since it takes twice
as long as float32. Neither is fp16, which a CPU only emulates.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.export import Dim

from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.onnx_graph import add_suppression, outside_network, strip
from lightweight_ssd.export.traced import example_images, quiet_exporter

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ONNX"]

_INPUT = "images"
_QUANTIZED = ["Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "Resize", "Sigmoid", "Relu"]


class ONNX(Format):
    """Settings of an ONNX file."""

    suffix = ".onnx"
    packages = {"onnx": "onnx", "onnxscript": "onnxscript", "onnxruntime": "onnxruntime"}
    extra = "onnx"
    suppresses = True
    precisions = ("fp32", "int8")

    def __init__(self, opset: int = 20, percentile: float = 99.999, calibration_images: int = 64) -> None:
        """Keep the settings.

        Args:
            opset: Version of ONNX's operators; 18 or more.
            percentile: Of the activations of calibration images that int8 covers, 50 to 100.
            calibration_images: Number of training images from which int8 learns the ranges of activations.

        Raises:
            ValueError: For a setting out of its range.
        """
        if opset < 18:
            raise ValueError(f"Expected format.opset of at least 18 but got {opset}.")
        if not 50 <= percentile <= 100:
            raise ValueError(f"Expected format.percentile from 50 to 100 but got {percentile}.")
        if calibration_images < 1:
            raise ValueError(f"Expected format.calibration_images of at least 1 but got {calibration_images}.")
        self.opset, self.percentile, self.calibration_images = opset, percentile, calibration_images

    def why_not(self, precision: Precision) -> str:
        return "ONNX Runtime computes fp16 on a CPU by way of fp32; give precision=fp32, or int8, which is faster."

    def write(self, order: Order, path: Path) -> None:
        import onnx

        model = self.exported(order)
        if order.precision == "int8":
            model = self._quantized(model, order)
        if order.suppression:
            add_suppression(model, order.suppression)
        del model.metadata_props[:]
        for key, value in order.metadata.items():
            model.metadata_props.add(key=key, value=value)
        strip(model)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))

    def exported(self, order: Order) -> "ModelProto":
        """The float32 model by PyTorch's exporter, its weights inside."""
        images = example_images(order.image_size, order.batch, order.dtype)
        shapes = None if order.batch else ({0: Dim("batch")},)
        with quiet_exporter(), torch.no_grad():
            program = torch.onnx.export(
                order.graph, (images,), dynamo=True, external_data=False, verbose=False, opset_version=self.opset,
                input_names=[_INPUT], output_names=list(order.outputs), dynamic_shapes=shapes,
            )  # fmt: skip
        assert program is not None
        return program.model_proto

    def _quantized(self, model: "ModelProto", order: Order) -> "ModelProto":
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization import shape_inference

        reader: Any = _Reader(order.calibration(self.calibration_images), order.dtype)
        with tempfile.TemporaryDirectory() as folder, quiet_exporter():
            plain, prepared, done = (Path(folder) / f"{name}.onnx" for name in ("plain", "prepared", "int8"))
            onnx.save(model, str(plain))
            shape_inference.quant_pre_process(plain, prepared, skip_symbolic_shape=True)
            quantization.quantize_static(
                str(prepared), str(done), reader,
                quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.Percentile,
                op_types_to_quantize=_QUANTIZED, nodes_to_exclude=outside_network(onnx.load(str(prepared))),
                extra_options={"CalibPercentile": self.percentile},
            )  # fmt: skip
            return onnx.load(str(done))


class _Reader:
    """Calibration images, one after another, as ONNX Runtime's quantization asks for them."""

    def __init__(self, images: Any, dtype: torch.dtype) -> None:
        self._images: Iterator[np.ndarray] = iter(images)
        self._type = np.uint8 if dtype == torch.uint8 else np.float32

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {_INPUT: image.astype(self._type)}

    def set_range(self, start_index: int, end_index: int) -> None:
        """Part of the interface; all images are always read."""
