"""JSON files, whole at any moment."""

import json
import math
from pathlib import Path
from typing import Any

from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["finite", "read_json", "write_json"]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, empty where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def write_json(path: Path, content: Any) -> None:
    """Writes JSON beside its place and swaps it in; figures that are not finite become null, as JSON has none.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    write_atomic(path, (json.dumps(finite(content), indent=2, allow_nan=False) + "\n").encode())


def finite(value: Any) -> Any:
    """The same with None for NaN and infinities, which JSON does not have, and lists for tuples.

    Example:
        >>> finite({"a": (1.5, float("nan"))})
        {'a': [1.5, None]}
    """
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
