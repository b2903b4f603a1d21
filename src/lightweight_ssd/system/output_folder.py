"""Creates the folder of a command's output before the work starts."""

import tempfile
from pathlib import Path

__all__ = ["make_output_folder"]


def make_output_folder(folder: str | Path) -> Path:
    """Creates a folder and its parents, and tries to write in it: permissions alone do not cover all file systems.

    Args:
        folder: Folder, which may exist.

    Returns:
        The folder.

    Raises:
        ValueError: If it cannot be created or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"Expected a folder to write in for output=… but got {folder} ({reason}).") from error
