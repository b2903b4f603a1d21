"""Files of any detector, ours or another's, run one image at a time by the runtime that they are for."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.system.native_output import without_native_output
from lightweight_ssd.system.telemetry import forbid_telemetry

__all__ = ["run_file"]

Run = Callable[[], Sequence[Any]]


def run_file(runtime: str, path: Path, image: np.ndarray, threads: int) -> Run:
    """Loads a file.

    Args:
        runtime: Name of its format, with `_bf16` where that arithmetic is asked for.
        path: The file; it may be removed afterwards.
        image: 1 × 3 × H × W, float32, as the file takes it.
        threads: CPU threads.

    Returns:
        What takes the image through it, to its outputs.
    """
    load: dict[str, Callable[[Path, np.ndarray, int], Run]] = {
        "onnx": _onnx, "openvino": partial(_openvino, "bf16" if runtime.endswith("_bf16") else "f32"), "ncnn": _ncnn,
        "mnn": _mnn, "executorch": _executorch,
    }  # fmt: skip
    with without_native_output():
        return load[runtime.partition("_")[0]](path, image, threads)


def _onnx(path: Path, image: np.ndarray, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image}
    return lambda: session.run(None, feed)


def _openvino(precision: str, path: Path, image: np.ndarray, threads: int) -> Run:
    forbid_telemetry()
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    model = openvino.Core().compile_model(str(path), "CPU", settings)
    return lambda: list(model([image]).values())


def _ncnn(path: Path, image: np.ndarray, threads: int) -> Run:
    import ncnn

    module: Any = ncnn
    net = module.Net()
    options = net.opt
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.num_threads = threads
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise ValueError(f"Expected ncnn's files but {path} cannot be loaded.")
    (first, *_), outputs = net.input_names(), net.output_names()

    def run() -> Sequence[Any]:
        extractor = net.create_extractor()
        extractor.input(first, module.Mat(image[0]))
        return [np.array(extractor.extract(name)[1])[None] for name in outputs]

    return run


def _mnn(path: Path, image: np.ndarray, threads: int) -> Run:
    import MNN

    expr, nn = (getattr(MNN, name) for name in ("expr", "nn"))
    manager = nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": threads},))
    module = nn.load_module_from_file(str(path), [], [], runtime_manager=manager)

    def run() -> Sequence[Any]:
        found = module.forward([expr.const(image, list(image.shape), expr.NCHW, expr.float)])
        return [expr.convert(each, expr.NCHW).read() for each in found]

    return run


def _executorch(path: Path, image: np.ndarray, threads: int) -> Run:
    import torch
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(threads)
    module = portable_lib._load_for_executorch(str(path))
    images = [torch.from_numpy(image)]
    return lambda: module.forward(images)
