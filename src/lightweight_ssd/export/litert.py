"""LiteRT (TensorFlow Lite): one `.tflite` file for Android.

Its converter needs an older PyTorch than this package is tested with, so it has an environment of its own, and gets the
network as an exported program (`.pt2`), which PyTorch 2.14 reads from 2.15. Only what runs the file is needed here.

The converter turns a nearest upsampling to an odd size into one with half-pixel centers; the graph has none left. int8
is not offered: weights alone make it 2.4 times slower, and static quantization makes bytes of the outputs, too.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from lightweight_ssd.export import litert_converter
from lightweight_ssd.export.format import Format, Order, Precision
from lightweight_ssd.export.torch import program_of

__all__ = ["LiteRT"]

_HOW = (
    "python3.11 -m venv litert && litert/bin/pip install litert-torch==0.10.0 makes it (6 GB), then give "
    "format.python=litert/bin/python"
)


class LiteRT(Format):
    """Settings of a LiteRT file."""

    suffix = ".tflite"
    packages = {"ai-edge-litert": "ai_edge_litert"}
    extra = "litert"
    precisions = ("fp32",)
    any_batch = False

    def __init__(self, python: str | None = None) -> None:
        """Keep the settings.

        Args:
            python: The interpreter of an environment with litert-torch; None ends in a sentence on how to make one.
        """
        self.python = python

    def why_not(self, precision: Precision) -> str:
        return "LiteRT's int8 is slower, or makes bytes of boxes; give precision=fp32, or int8 with format=executorch."

    def expect(self, precision: Precision, batch: int | None, given_input: str, outputs: str = "boxes") -> None:
        super().expect(precision, batch, given_input, outputs)
        if self.python is None:
            raise ValueError(
                "Expected format.python=PYTHON for format=litert, an interpreter with litert-torch, which needs an "
                f"older PyTorch; {_HOW}."
            )
        done = _run(self.python, "-c", "import litert_torch")
        if done.returncode:
            raise ValueError(
                f"Expected an interpreter with litert-torch for format.python but {self.python} says {_last(done)!r}; "
                f"{_HOW}."
            )

    def write(self, order: Order, path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            torch.export.save(program_of(order), program := Path(folder) / "network.pt2")
            code = Path(litert_converter.__file__).read_text()  # as a file it would find `torch.py` of its own folder
            done = _run(self.python or sys.executable, "-c", code, str(program), str(path), folder=folder)
        if done.returncode or not path.exists():
            raise ValueError(f"Expected litert-torch to convert the network but it ended with {_last(done)!r}.")


def _run(*command: str, folder: str | None = None) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", error.strerror or type(error).__name__)


def _last(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line that a process wrote, which is the error of a traceback."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1][:300] if lines else f"code {done.returncode}"
