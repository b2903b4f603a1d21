"""How checkpoints reach the disk: whole or not at all, and never ahead of the run's record."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from lightweight_ssd.system.atomic_write import PART, NotWritten, write_atomic

__all__ = ["WholeCheckpoints"]


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place, waits for the disk, and renames it.

    Lightning writes into the system's temporary folder first. Where that lies on another file system the file is
    copied over the old checkpoint, and a process killed in the middle, or a full disk, leaves neither of the two.

    Args:
        before: Called before each checkpoint, to bring to disk what must not be older than it: a run that goes on from
            a checkpoint keeps the rows of its `metrics.csv` up to there, so they have to be in the file.
    """

    def __init__(self, before: Sequence[Callable[[], None]] = ()) -> None:
        super().__init__()
        self.before = before

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Replaces the file at `path`, and removes what a killed process left half-written beside it.

        Raises:
            NotWritten: The disk is full or cannot be written; the checkpoint that was there is untouched.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f"*.ckpt*{PART}"):
            leftover.unlink()
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            for bring_to_disk in self.before:
                bring_to_disk()
            # Released before an error leaves: Python 3.12 crashes at its end if a traceback keeps the buffer's view
            with content.getbuffer() as view:
                write_atomic(path, view, durable=True)
        except NotWritten as error:
            raise NotWritten(f"{error} Then go on with the same command and resume=auto.") from error
