"""Which of the known class names somebody meant."""

import difflib
from collections.abc import Sequence

__all__ = ["nearest_name"]

_SHORT = 4  # letters; 'car' and 'cat' are two words, and not two spellings of one
_ALIKE, _ALIKE_IF_SHORT = 0.6, 0.8


def nearest_name(name: str, known: Sequence[str]) -> str | None:
    """The name that was probably meant: in other letters, or one or two letters off; None where none is that near.

    Example:
        >>> nearest_name("Dog", ["cat", "dog"]), nearest_name("persn", ["person"]), nearest_name("car", ["cat"])
        ('dog', 'person', None)
    """
    spellings = {str(one).lower(): str(one) for one in known}
    alike = _ALIKE if len(name) > _SHORT else _ALIKE_IF_SHORT
    near = difflib.get_close_matches(name.lower(), list(spellings), 1, cutoff=alike)
    return spellings[near[0]] if near else None
