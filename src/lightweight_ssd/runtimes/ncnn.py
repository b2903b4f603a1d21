"""ncnn's files (`.param` with its `.bin` beside it), run on the CPU, one image at a time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lightweight_ssd.runtimes.base import Runtime
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["NcnnRuntime"]


class NcnnRuntime(Runtime):
    """A detector as ncnn's two files.

    ncnn computes in fp16 by itself on processors that have it; here it does so only with files of that precision.

    Args:
        path: The `.param` file.
        threads: None = as many as there are cores.

    Raises:
        FileNotFoundError: There is no such file, no `.bin` or no card.
        ValueError: It cannot be loaded.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        self._ncnn = import_or_say("ncnn", "ncnn", path)
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise FileNotFoundError(f"Expected {weights.name} with the weights beside {path} but it is not there.")
        self._net = self._ncnn.Net()
        half = self.card.precision == "fp16"
        options = self._net.opt
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = half
        options.use_bf16_storage = False
        if threads is not None:
            options.num_threads = threads
        with without_native_output():
            code = self._net.load_param(str(path)) or self._net.load_model(str(weights))
        if code:
            raise ValueError(f"Expected ncnn's files but {path} cannot be loaded (code {code}); export it again.")
        self._input: str = self._net.input_names()[0]
        self._outputs: list[str] = self._net.output_names()

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph for one image, in the order of the card."""
        run = self._net.create_extractor()
        image = self._ncnn.Mat(images[0])
        run.input(self._input, image)
        found = [run.extract(name) for name in self._outputs]
        if any(code for code, _ in found):
            raise ValueError(f"Expected ncnn to run {self.path} but it stopped; its card is of another file.")
        return [np.array(each)[None] for _, each in found]
