"""Which checkpoint file is meant where a run's folder is given."""

import os
from pathlib import Path

from lightweight_ssd.runs.files import BEST_CHECKPOINT, LAST_CHECKPOINT

__all__ = ["checkpoint_file"]


def checkpoint_file(path: str | os.PathLike[str]) -> Path:
    """The file itself, or of a run's folder its best checkpoint; the last one where no validation chose a best.

    Raises:
        FileNotFoundError: For a folder without a checkpoint.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    for name in (BEST_CHECKPOINT, LAST_CHECKPOINT):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"There is no {BEST_CHECKPOINT} in {path}; give a checkpoint file or the folder of a run.")
