"""Colors of classes and the text on them, without matplotlib: the comparison page needs no more than these."""

from collections.abc import Sequence

__all__ = ["class_colors", "readable_on"]

# Light enough for lines on dark photographs. Neighbors differ in lightness as well as in hue, which color-blind readers
# rely on; names stand beside colors wherever classes must be told apart.
# fmt: off
_CLASSES = (
    "#3b8fdb", "#e69f00", "#2ca25f", "#e05a7a", "#56c7e9", "#a64ca6", "#f0e05a", "#7a6be0", "#e3611c", "#3fc1a8",
    "#d04fa0", "#a3b82f", "#5b7fd6", "#f2966b", "#58c04a", "#d99ad0", "#86b6e8", "#b9703f", "#cbe05a", "#b4b4b4",
)
# fmt: on


def class_colors(count: int) -> list[str]:
    """One color per class as '#rrggbb'; from the twenty-first on they repeat in lighter tints.

    Example:
        >>> class_colors(2)
        ['#3b8fdb', '#e69f00']
        >>> len(set(class_colors(80)))
        80
    """
    return [_tint(_CLASSES[i % len(_CLASSES)], i // len(_CLASSES)) for i in range(count)]


def readable_on(color: str | Sequence[float]) -> str:
    """Black or white, whichever has the higher contrast on the color (relative luminance of WCAG 2).

    Args:
        color: '#rrggbb', or red, green and blue from 0 to 1 (an alpha channel is ignored).

    Example:
        >>> readable_on("#0072b2"), readable_on("#e69f00"), readable_on((1.0, 1.0, 1.0))
        ('#ffffff', '#000000', '#000000')
    """
    channels = _channels(color) if isinstance(color, str) else color
    luminance = sum(weight * value**2.2 for weight, value in zip((0.2126, 0.7152, 0.0722), channels, strict=False))
    return "#ffffff" if luminance < 0.18 else "#000000"


def _channels(color: str) -> tuple[float, ...]:
    return tuple(int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))


def _tint(color: str, turn: int) -> str:
    share = 1 / (1 + 0.45 * turn)
    channels = (round(255 * (1 - (1 - value) * share)) for value in _channels(color))
    return "#{:02x}{:02x}{:02x}".format(*channels)
