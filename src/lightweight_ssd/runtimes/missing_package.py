"""A package that a runtime needs, or the sentence that says how to install it."""

import importlib
from pathlib import Path
from typing import Any

__all__ = ["import_or_say"]


def import_or_say(module: str, extra: str, path: Path) -> Any:
    """Imports the package of a runtime.

    Args:
        module: Its name.
        extra: Of this project, which installs it.
        path: The file that needs it, for the message.

    Raises:
        ValueError: It is not installed, or a library that it needs is not.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise ValueError(
            f"Expected the package {module} for {path} but it cannot be imported; "
            f"pip install 'lightweight-ssd[{extra}]' brings it."
        ) from error
