"""Train, ablate and compare lightweight object detectors.

The names below are loaded when they are first used, so that the import itself takes no time and no PyTorch:

    import lightweight_ssd as lssd

    run = lssd.train(["experiment=smoke"])
    found = lssd.load(run.checkpoint).predict("photo.jpg")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightweight_ssd.benchmark.all import benchmark_all as benchmark_all
    from lightweight_ssd.benchmark.evaluate import benchmark_evaluate as benchmark_evaluate
    from lightweight_ssd.benchmark.latency import benchmark_latency as benchmark_latency
    from lightweight_ssd.benchmark.loader import benchmark_loader as benchmark_loader
    from lightweight_ssd.benchmark.memory import benchmark_memory as benchmark_memory
    from lightweight_ssd.benchmark.rows import benchmark_rows as benchmark_rows
    from lightweight_ssd.benchmark.size import benchmark_size as benchmark_size
    from lightweight_ssd.benchmark.startup import benchmark_startup as benchmark_startup
    from lightweight_ssd.benchmark.step import benchmark_step as benchmark_step
    from lightweight_ssd.config.compose import compose as compose
    from lightweight_ssd.curation.check import data_check as data_check
    from lightweight_ssd.curation.convert import data_convert as data_convert
    from lightweight_ssd.curation.prepare import data_prepare as data_prepare
    from lightweight_ssd.curation.show import data_show as data_show
    from lightweight_ssd.curation.source import data_source as data_source
    from lightweight_ssd.export.export import Exported as Exported
    from lightweight_ssd.export.export import export as export
    from lightweight_ssd.prediction.detections import ImageDetections as ImageDetections
    from lightweight_ssd.prediction.load import load as load
    from lightweight_ssd.prediction.model import Model as Model
    from lightweight_ssd.prediction.predict import Predictions as Predictions
    from lightweight_ssd.prediction.predict import predict as predict
    from lightweight_ssd.profiling.profile import DetectorProfile as DetectorProfile
    from lightweight_ssd.profiling.profile import profile as profile
    from lightweight_ssd.report.build import build_report as report  # noqa: F401
    from lightweight_ssd.training.evaluation import Evaluation as Evaluation
    from lightweight_ssd.training.evaluation import evaluate as evaluate
    from lightweight_ssd.training.run import TrainedRun as TrainedRun
    from lightweight_ssd.training.run import train as train

__version__ = "0.2.0"

_BENCHMARKS = ("all", "evaluate", "latency", "loader", "memory", "rows", "size", "startup", "step")

# The module of each name. Two functions are not among them: they are packages of that name, which can be called.
_CALLABLE = ("export", "report")
_EXPORTS = {
    "DetectorProfile": "profiling.profile",
    "Evaluation": "training.evaluation",
    "Exported": "export.export",
    "ImageDetections": "prediction.detections",
    "Model": "prediction.model",
    "Predictions": "prediction.predict",
    "TrainedRun": "training.run",
    **{f"benchmark_{name}": f"benchmark.{name}" for name in _BENCHMARKS},
    "compose": "config.compose",
    "data_check": "curation.check",
    "data_convert": "curation.convert",
    "data_prepare": "curation.prepare",
    "data_show": "curation.show",
    "data_source": "curation.source",
    "evaluate": "training.evaluation",
    "load": "prediction.load",
    "predict": "prediction.predict",
    "profile": "profiling.profile",
    "train": "training.run",
}


def __getattr__(name: str) -> Any:
    """Loads one of the functions and classes of the package when it is first asked for."""
    if name in _CALLABLE:
        return import_module(f"{__name__}.{name}")
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS, *_CALLABLE})
