"""Makes sure of a place to write before work starts whose result goes there."""

import tempfile
from pathlib import Path

__all__ = ["make_output_folder"]


def make_output_folder(folder: str | Path) -> Path:
    """Makes a folder, with those above it, and tries a file in it: permissions alone do not tell of every file system.

    Args:
        folder: May exist already.

    Raises:
        ValueError: If it cannot be made or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"Expected a folder to write in for output=… but got {folder} ({reason}).") from error
