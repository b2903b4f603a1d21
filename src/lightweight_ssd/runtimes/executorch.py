"""ExecuTorch files (`.pte`), run on the CPU by the runtime of the Python package.

That runtime needs PyTorch: its extension module is linked against PyTorch's libraries, and images go in as tensors.
Alone it says "Please reinstall ExecuTorch", which does not help. On a phone ExecuTorch needs no PyTorch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightweight_ssd.runtimes.base import Runtime
from lightweight_ssd.runtimes.card import read_card
from lightweight_ssd.runtimes.missing_package import import_or_say
from lightweight_ssd.system.native_output import without_native_output

__all__ = ["ExecuTorchRuntime"]


class ExecuTorchRuntime(Runtime):
    """A detector as an ExecuTorch file.

    Args:
        path: The file.
        threads: Of the whole process, since ExecuTorch has one pool; None = as many as it has already.

    Raises:
        FileNotFoundError: There is no such file or no card.
        ValueError: It cannot be loaded, or PyTorch is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(read_card(path), path)
        with without_native_output():  # it says what it finds out of the processor
            self._torch = import_or_say("torch", "executorch", path)
            library = import_or_say("executorch.extension.pybindings.portable_lib", "executorch", path)
            if threads is not None:
                library._unsafe_reset_threadpool(threads)  # the only way: it follows no variable and no affinity
            try:
                self._module = library._load_for_executorch(str(path))
            except Exception as error:
                raise ValueError(
                    f"Expected an ExecuTorch file but {path} cannot be loaded; export it again."
                ) from error

    def infer(self, images: np.ndarray) -> Sequence[np.ndarray]:
        """The outputs of the graph, in the order of the card."""
        try:
            found: list[Any] = self._module.forward([self._torch.from_numpy(images)])
        except RuntimeError as error:
            raise ValueError(f"Expected ExecuTorch to run {self.path} but it stopped; export it again.") from error
        return [each.numpy() for each in found]
