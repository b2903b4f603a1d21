"""Numbers in files: as few decimals as give the same number back."""

import numpy as np

__all__ = ["shortest"]


def shortest(number: float | np.floating, start: float = 0.0) -> str:
    """A number as text, with no, two or four decimals where those give the same float32 back, else with all.

    Args:
        number: As it stands in the file.
        start: What the file counts from, such as 1 for VOC's corners: `np.float32(number - start)` is what must not
            change.

    Example:
        >>> shortest(np.float32(167.68)), shortest(np.float32(30)), shortest(1 / 3)
        ('167.68', '30', '0.3333333333333333')
    """
    exact = float(number)
    texts = (f"{exact:.0f}", f"{exact:.2f}", f"{exact:.4f}")
    same = np.float32(exact - start)
    return next((text for text in texts if np.float32(float(text) - start) == same), repr(exact))
