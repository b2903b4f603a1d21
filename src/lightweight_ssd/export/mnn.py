"""MNN: one file for Alibaba's runtime for phones, made from the ONNX model.

fp16 and int8 are forms of the stored weights; activations stay float. MNN's int8 arithmetic would need calibration
tools of its own.

The converter is called by its native module: importing `MNN.tools.mnnconvert` runs `pip install` for a telemetry client
and sends what it converts, with an identifier of the machine, to a server.
"""

import tempfile
from pathlib import Path

from lightweight_ssd.export.format import Format, Order
from lightweight_ssd.export.onnx import ONNX, strip
from lightweight_ssd.export.traced import quiet_exporter
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["MNN"]

_OPTIONS = {"fp32": [], "fp16": ["--fp16"], "int8": ["--weightQuantBits", "8"]}


class MNN(Format):
    """Settings of an MNN file."""

    suffix = ".mnn"
    packages = {"mnn": "MNN", "onnx": "onnx", "onnxscript": "onnxscript"}
    extra = "mnn"

    def __init__(self, opset: int = 20) -> None:
        """Keep the settings.

        Args:
            opset: Version of ONNX's operators on the way; 18 or more.

        Raises:
            ValueError: For a setting out of its range.
        """
        self._onnx = ONNX(opset)

    def write(self, order: Order, path: Path) -> None:
        import onnx

        model = self._onnx.exported(order)
        strip(model)
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(model, str(file := Path(folder) / "model.onnx"))
            with quiet_exporter():
                _convert(file, path, _OPTIONS[order.precision])
        if not path.exists():
            raise ValueError(f"Expected MNN's converter to write {path} but it did not; give another format.")


def _convert(file: Path, path: Path, options: list[str]) -> None:
    with without_native_output():
        import _tools  # pyright: ignore[reportMissingImports]  (of the package MNN)
        import MNN as _  # noqa: F401  (the converter needs its libraries)

        files = ["--modelFile", str(file), "--MNNModel", str(path)]
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", *files, "--bizCode", "MNN", *options])
