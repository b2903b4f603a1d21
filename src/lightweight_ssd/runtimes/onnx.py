"""ONNX files, run by onnxruntime on the CPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.runtimes.base import Runtime, in_order
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.runtimes.onnx_file import read_onnx

__all__ = ["OnnxRuntime"]

_ERRORS_ONLY = 3


class OnnxRuntime(Runtime):
    """A detector in an ONNX file.

    The runtime gets the bytes that were checked, not the file: it finds no other file from them.

    Args:
        path: The file.
        threads: Of one operation; None = as many as there are cores.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It is no ONNX file, keeps weights elsewhere, or cannot be run.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        onnxruntime = import_or_say("onnxruntime", "onnx", path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads or 0, 1
        options.log_severity_level = _ERRORS_ONLY
        # Idle threads that spin take the cores from those that read and resize the next images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = read_onnx(path).content
        try:
            self._session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        except Exception as error:  # its errors have no class in common
            raise ValueError(_sentence(path, "load", error)) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ValueError(f"Expected an ONNX file with one input, the images, but {path} has {len(inputs)}.")
        self._input: str = inputs[0].name
        self._names: list[str] = in_order(
            {each.name: each.name for each in self._session.get_outputs()}, self.card, path
        )

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        try:
            found: list[Any] = self._session.run(self._names, {self._input: images})
        except Exception as error:
            raise ValueError(_sentence(self.path, "run", error)) from error
        return found


def _sentence(path: Path, what: str, error: Exception) -> str:
    reason = next(iter(str(error).splitlines()), type(error).__name__)[:300]
    return f"Expected an ONNX file that onnxruntime can {what} but {path} is none ({reason}); export it again."
