"""The factor on the channels of a network: the same layers, fewer channels in each."""

__all__ = ["scaled"]


def scaled(channels: int, width: float) -> int:
    """Channels of a layer of a narrower or wider network, rounded, at least one.

    Args:
        channels: At a width of 1.
        width: Factor, above 0.

    Example:
        >>> scaled(512, 1.0), scaled(24, 0.1), scaled(3, 0.01)
        (512, 2, 1)
    """
    return max(1, round(channels * width))
