"""LiteRT files (`.tflite`), run on the CPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lightweight_ssd.runtimes.base import Runtime
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["LiteRTRuntime"]


class LiteRTRuntime(Runtime):
    """A detector as a LiteRT file.

    Args:
        path: The file.
        threads: None = as many as LiteRT takes by itself, which is one.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It cannot be loaded.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        with without_native_output():  # it says that it uses XNNPACK
            library = import_or_say("ai_edge_litert.interpreter", "litert", path)
            try:
                self._interpreter = library.Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise ValueError(f"Expected a LiteRT file but {path} cannot be loaded; export it again.") from error
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        outputs = sorted(self._interpreter.get_output_details(), key=lambda each: each["name"])
        self._outputs: list[int] = [each["index"] for each in outputs]

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
