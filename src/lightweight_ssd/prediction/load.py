"""`load`: a trained detector from its checkpoint, its run or an exported file."""

import os
from pathlib import Path
from typing import Any

from lightweight_ssd.prediction.model import Model
from lightweight_ssd.runs.checkpoints import checkpoint_file
from lightweight_ssd.runtimes.runtime import is_exported

__all__ = ["load"]


def load(path: str | os.PathLike[str], device: Any = "auto") -> Model:
    """Loads a trained detector.

    An exported file is run by its own runtime, and PyTorch is not even imported for it.

    Args:
        path: A checkpoint file; the folder of a run, whose best checkpoint is taken (the last one where no validation
            chose a best); or a file of `lssd export`, such as `detector.onnx`.
        device: `auto` (the GPU where there is one), `cpu`, `cuda` or `cuda:N`; an exported file runs on the CPU.

    Returns:
        The model, ready to predict; of a checkpoint with the average of the weights where one was kept.

    Raises:
        FileNotFoundError: There is no such file, or no checkpoint in the folder.
        ValueError: The file is none of this project, a package that runs it is missing, or the device does not exist.
    """
    if is_exported(path) and not Path(path).is_dir():
        from lightweight_ssd.prediction.exported_model import ExportedModel

        return ExportedModel.load(Path(path), str(device))
    file = checkpoint_file(path)
    from lightweight_ssd.prediction.checkpoint_model import CheckpointModel

    return CheckpointModel.load(file, str(device))
