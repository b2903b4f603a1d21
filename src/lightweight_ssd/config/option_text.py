"""What an option of a config group is, in the words of its file."""

from pathlib import Path

__all__ = ["describe"]


def describe(file: Path) -> str:
    """The first comment that has a line of its own, other than Hydra's `@package`; empty without one."""
    for line in file.read_text(encoding="utf-8").splitlines():
        comment = line.removeprefix("#").strip()
        if line.startswith("#") and comment and not comment.startswith("@package"):
            return comment
    return ""
