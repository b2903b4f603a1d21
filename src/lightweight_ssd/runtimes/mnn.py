"""MNN files, run on the CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lightweight_ssd.runtimes.base import OUTPUT_NAMES, Runtime
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["MnnRuntime"]


class MnnRuntime(Runtime):
    """A detector as an MNN file.

    Args:
        path: The file.
        threads: None = as many as MNN takes by itself, which are four.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It cannot be loaded.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        with without_native_output():  # it says what the processor can do
            import_or_say("MNN", "mnn", path)
            self._expr, nn = (import_or_say(f"MNN.{name}", "mnn", path) for name in ("expr", "nn"))
            precision = "low" if self.card.precision == "fp16" else "high"
            settings = {"backend": "CPU", "precision": precision, "numThread": threads or 4}
            self._manager = nn.create_runtime_manager((settings,))
            names = list(OUTPUT_NAMES[self.card.outputs])
            try:
                self._module = nn.load_module_from_file(str(path), ["images"], names, runtime_manager=self._manager)
            except Exception as error:
                raise ValueError(f"Expected an MNN file but {path} cannot be loaded; export it again.") from error
        self._type = self._expr.uint8 if self.card.input == "uint8" else self._expr.float

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        expr = self._expr
        found = self._module.forward([expr.const(images, list(images.shape), expr.NCHW, self._type)])
        return [expr.convert(each, expr.NCHW).read() for each in found]
