"""Which checkpoint file is meant where a run's folder is given."""

import os
from pathlib import Path

from lightweight_ssd.runs.files import BEST_CHECKPOINT, LAST_CHECKPOINT

__all__ = ["checkpoint_file", "run_name"]


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


def run_name(checkpoint: Path) -> str:
    """What a file made of a checkpoint is called: the name of the run and, unless it is the best, the checkpoint's.

    Example:
        >>> run_name(Path("/runs/demo/checkpoints/best.ckpt")), run_name(Path("/runs/demo/checkpoints/last.ckpt"))
        ('demo', 'demo-last')
        >>> run_name(Path("/tmp/mine.ckpt"))
        'mine'
    """
    checkpoint = checkpoint.absolute()
    if checkpoint.parent.name != BEST_CHECKPOINT.parent.name:
        return checkpoint.stem
    run = checkpoint.parents[1].name
    return run if checkpoint.name == BEST_CHECKPOINT.name else f"{run}-{checkpoint.stem}"
