"""JSON files that are complete at any moment."""

import json
import math
from pathlib import Path
from typing import Any

from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["finite", "read_json", "write_json"]


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object; an empty one where the file does not exist.

    Raises:
        ValueError: The file is not JSON, or holds something else than an object.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"Expected a JSON object in {path} but got a {type(content).__name__}.")
    return content


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file atomically; numbers that are not finite become null, since JSON has none.

    Args:
        path: File to write; its folder exists.
        content: What JSON can hold; tuples become lists.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    write_atomic(path, (json.dumps(finite(content), indent=2, allow_nan=False) + "\n").encode())


def finite(value: Any) -> Any:
    """Replaces NaN and infinities, which JSON does not have, by None, and tuples by lists.

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
