"""Creates the folder of a command's output before the work starts."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["make_output_folder", "one_sentence_when_unwritable"]


def make_output_folder(folder: str | Path, setting: str = "output") -> Path:
    """Creates a folder and its parents, and tries to write in it: permissions alone do not cover all file systems.

    Args:
        folder: Folder, which may exist.
        setting: What the user chooses it with.

    Returns:
        The folder.

    Raises:
        ValueError: If it cannot be created or written.
    """
    folder = Path(folder)
    with one_sentence_when_unwritable(folder, setting):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder


@contextmanager
def one_sentence_when_unwritable(folder: Path, setting: str) -> Iterator[None]:
    """Around the first steps in a folder: a file of this name, a disk that is full or read-only, missing permissions.

    Args:
        folder: Folder to write in.
        setting: What the user chooses it with.

    Raises:
        ValueError: In place of the operating system's error.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"Expected a folder to write in for {setting}=… but got {folder} ({reason}).") from error
