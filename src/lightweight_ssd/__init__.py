"""Train, ablate and compare lightweight single-shot detectors.

The names below are loaded when they are first used, so that the import itself takes no time and no PyTorch:

    import lightweight_ssd as lssd

    run = lssd.train(["experiment=smoke"])
    found = lssd.load(run.checkpoint).predict("photo.jpg")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightweight_ssd.config.compose import compose as compose
    from lightweight_ssd.curation.check import data_check as data_check
    from lightweight_ssd.curation.convert import data_convert as data_convert
    from lightweight_ssd.curation.prepare import data_prepare as data_prepare
    from lightweight_ssd.curation.show import data_show as data_show
    from lightweight_ssd.curation.source import data_source as data_source
    from lightweight_ssd.prediction.detections import ImageDetections as ImageDetections
    from lightweight_ssd.prediction.model import Model as Model
    from lightweight_ssd.prediction.model import load as load
    from lightweight_ssd.prediction.predict import predict as predict

__version__ = "0.2.0"

# Where each name of the package comes from: module and, where it is called otherwise there, its name in it.
_EXPORTS = {
    "ImageDetections": "prediction.detections",
    "Model": "prediction.model",
    "compose": "config.compose",
    "data_check": "curation.check",
    "data_convert": "curation.convert",
    "data_prepare": "curation.prepare",
    "data_show": "curation.show",
    "data_source": "curation.source",
    "load": "prediction.model",
    "predict": "prediction.predict",
}


def __getattr__(name: str) -> Any:
    """Loads one of the functions and classes of the package when it is first asked for."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, inside = _EXPORTS[name].partition(":")
    value = getattr(import_module(f"{__name__}.{module}"), inside or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
