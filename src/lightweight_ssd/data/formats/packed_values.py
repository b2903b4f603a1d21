"""What a cache file holds of a split, looked at before it is used: its checksum does not say who wrote it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int64, jaxtyped

__all__ = ["check_values"]


def check_values(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Refuses arrays that are not of a split's types, or do not fit one another: they would be read out of place.

    Args:
        values: Arrays and texts by name, as the file has them.
        kinds: Type of each array, with the names of its axes.

    Raises:
        ValueError: Names those that cannot be right.
    """
    with jaxtyped("context"):  # so that an axis is as long in all of them
        wrong = [name for name, kind in kinds.items() if not isinstance(values.get(name), kind)]
    if not wrong:
        ends = {"offsets": len(values["boxes"]), "path_offsets": len(values["path_bytes"])}
        wrong += [name for name, end in ends.items() if not _rises(values[name], end)]
    texts = ("class_names", "skipped", "notes")
    wrong += [name for name in texts if not all(isinstance(text, str) for text in values[name])]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} cannot be those of a split")


def _rises(offsets: Int64[np.ndarray, " L"], end: int) -> bool:
    """From 0 to the end."""
    return bool(offsets[0] == 0 and offsets[-1] == end and (offsets[1:] >= offsets[:-1]).all())
