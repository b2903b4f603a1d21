"""Numbers in files: as few decimals as give the same number back."""

import numpy as np

__all__ = ["shortest"]


def shortest(value: float | np.float32, start: float = 0.0) -> str:
    """A float32 counted from `start`, as text: with no, two or four decimals where that is exact, else with all.

    Args:
        value: What `np.float32(float(text) - start)` shall be again.
        start: What the file counts from, such as 1 for VOC's corners.

    Example:
        >>> shortest(np.float32(167.68), start=1.0), shortest(np.float32(30))
        ('168.68', '30')
    """
    number = float(value) + start
    texts = (f"{number:.0f}", f"{number:.2f}", f"{number:.4f}")
    return next((text for text in texts if np.float32(float(text) - start) == value), repr(number))
