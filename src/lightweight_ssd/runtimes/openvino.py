"""OpenVINO models (`.xml` with its `.bin` beside it), run on the CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lightweight_ssd.runtimes.base import Runtime, in_order
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.system.telemetry import forbid_telemetry

__all__ = ["OpenVinoRuntime"]


class OpenVinoRuntime(Runtime):
    """A detector as an OpenVINO model.

    OpenVINO computes in bfloat16 by itself on processors that have it, which changes logits by 0.1; here it computes in
    float32 unless asked.

    Args:
        path: The `.xml` file.
        threads: None = as many as there are cores.
        precision: Of the arithmetic that the file leaves open; quantized layers stay quantized.

    Raises:
        FileNotFoundError: There is no such file, no `.bin` or no card.
        ValueError: It cannot be run.
    """

    def __init__(self, path: Path, threads: int | None = None, precision: Literal["f32", "bf16"] = "f32") -> None:
        super().__init__(read_card(path), path)
        forbid_telemetry()
        openvino = import_or_say("openvino", "openvino", path)
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise FileNotFoundError(f"Expected {weights.name} with the weights beside {path} but it is not there.")
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            core = openvino.Core()
            self._model = core.compile_model(core.read_model(path, weights), "CPU", settings)
        except Exception as error:  # RuntimeError, with lines of its own sources
            reason = (str(error).splitlines() or [type(error).__name__])[-1][:300]
            raise ValueError(f"Expected an OpenVINO model but {path} cannot be loaded ({reason}).") from error
        outputs = enumerate(self._model.outputs)  # `Output.index` counts those of one operation, and is always 0
        named = {next(iter(sorted(each.get_names())), str(index)): index for index, each in outputs}
        self._order: list[int] = in_order(named, self.card, path)

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        found = self._model([images])
        return [found[index] for index in self._order]
