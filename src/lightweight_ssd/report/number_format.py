"""Numbers as the cells of a table: with as many digits as mean something, and a real minus sign."""

import math
from typing import Any

__all__ = ["NONE", "hours", "interval", "large", "mean", "percent", "share", "signed", "timed"]

NONE = "–"


def mean(row: dict[str, Any], name: str) -> float | None:
    """A metric's mean over the seeds of a row of the payload."""
    found = row["metrics"][name]
    return found["mean"] if found else None


def share(row: dict[str, Any], name: str) -> str:
    """A share in percent with its spread over the seeds, such as `74.1 ± 0.3`."""
    found = row["metrics"][name]
    if found is None:
        return NONE
    return percent(found["mean"]) + (f" ± {percent(found['std'])}" if found["std"] is not None else "")


def percent(value: float | None) -> str:
    """A share in percent.

    Example:
        >>> percent(0.7406), percent(-0.00001), percent(None)
        ('74.1', '0.0', '–')
    """
    return NONE if value is None else f"{round(100 * value, 1) + 0.0:.1f}".replace("-", "−")


def signed(value: float | None) -> str:
    """A difference of two shares in points; a small one has two decimals, so that its sign is visible.

    Example:
        >>> signed(0.002), signed(-0.0001), signed(0.0)
        ('+0.2', '−0.01', '±0.0')
    """
    if value is None:
        return NONE
    points = abs(100 * value)
    text = f"{points:.1f}" if points < 0.005 or points >= 0.05 else f"{points:.2f}"
    return ("±" if text == "0.0" else "−" if value < 0 else "+") + text


def interval(found: dict[str, Any] | None) -> str:
    """A difference in points with its confidence interval; `n.s.` (not significant) where the interval includes 0.

    Example:
        >>> interval({"mean": 0.002, "low": -0.001, "high": 0.005, "shown": False})
        '+0.2 [−0.1, +0.5] n.s.'
    """
    if found is None:
        return NONE
    middle, low, high = (signed(found[key]) for key in ("mean", "low", "high"))
    return f"{middle} [{low}, {high}]" + ("" if found["shown"] else " n.s.")


def timed(latency: dict[str, Any] | None) -> str:
    """Milliseconds with their 10th to 90th percentile, with three digits, fewer where these are far apart.

    Example:
        >>> times = [(43.91, 38.2, 61.0, True), (13.04, 12.88, 13.71, False), (1520.4, None, None, False)]
        >>> [timed(dict(zip(("ms", "low", "high", "busy"), each))) for each in times]
        ['44 ms (38–61), busy machine', '13.0 ms (12.9–13.7)', '1520 ms']
    """
    if latency is None:
        return NONE
    middle, low, high = (latency[key] for key in ("ms", "low", "high"))
    digits = 2 - _magnitude(middle)
    if low is not None and high is not None and high > low:
        digits = min(digits, 1 - _magnitude(high - low))
    times = [f"{each:.{max(digits, 0)}f}" for each in (middle, low, high) if each is not None]
    spread = f" ({times[1]}–{times[2]})" if len(times) == 3 else ""
    return f"{times[0]} ms{spread}" + (", busy machine" if latency["busy"] else "")


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value)) if value > 0 else 0


def large(value: float | None) -> str:
    """Parameters and MACs with three digits.

    Example:
        >>> large(4862678.0), large(1.55e9), large(22759.0)
        ('4.86 M', '1.55 G', '22.8 k')
    """
    if value is None:
        return NONE
    units = ((1e9, " G"), (1e6, " M"), (1e3, " k"))
    scale, unit = next((each for each in units if value >= each[0]), (1, ""))
    return f"{value / scale:.3g}{unit}"


def hours(value: float | None) -> str:
    """Training time in the unit that reads best.

    Example:
        >>> hours(2.5), hours(0.405), hours(0.002)
        ('2.5 h', '24 min', '7 s')
    """
    if value is None:
        return NONE
    if value >= 1:
        return f"{value:.1f} h"
    return f"{60 * value:.0f} min" if value >= 1 / 60 else f"{3600 * value:.0f} s"
