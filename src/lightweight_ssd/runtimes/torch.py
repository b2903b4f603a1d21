"""Programs of `torch.export` (`.pt2`), run by PyTorch on the CPU; the one runtime that is PyTorch itself."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.runtimes.base import Runtime
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.runtimes.torch_file import read_program

__all__ = ["TorchRuntime"]


class TorchRuntime(Runtime):
    """A detector as an exported program.

    Args:
        path: The file.
        threads: PyTorch's, for the whole process; None = as many as it has already.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It cannot be loaded, or holds more than a graph and its weights.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        self._torch = import_or_say("torch", "onnx", path)
        content = read_program(path)
        logging.disable(logging.WARNING)  # it logs every error with its stack, and then raises it
        try:
            self._module: Any = self._torch.export.load(content).module(check_guards=False)
        except Exception as error:  # whatever its parts raise
            reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
            raise ValueError(f"Expected a .pt2 file of torch.export but {path} is none ({reason}).") from error
        finally:
            logging.disable(logging.NOTSET)
        if threads is not None:
            self._torch.set_num_threads(threads)

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        with self._torch.inference_mode():
            try:
                return [each.numpy() for each in self._module(self._torch.from_numpy(images))]
            except (RuntimeError, TypeError) as error:
                raise ValueError(f"Expected PyTorch to run {self.path} but it stopped; export it again.") from error
