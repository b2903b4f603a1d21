"""What every data source lets its user choose: what becomes of wrong files, and where images are kept at hand."""

__all__ = ["CACHES", "ON_BAD", "check_source_options"]

ON_BAD = ("error", "skip")  # stop at the first wrong file, or leave its image out and list it at the end
CACHES = ("none", "disk", "ram")


def check_source_options(on_bad: str, cache: str, cache_side: int | None) -> None:
    """Refuses what no source knows.

    Args:
        on_bad: What becomes of an image whose annotation or file is wrong: one of `ON_BAD`.
        cache: Where images are kept, resized: one of `CACHES`.
        cache_side: Long side of kept images, pixels; None leaves it to the data module.

    Raises:
        ValueError: One of them is something else.
    """
    for name, value, known in (("on_bad", on_bad, ON_BAD), ("cache", cache, CACHES)):
        if value not in known:
            raise ValueError(f"Expected data.{name} to be one of {', '.join(known)}, but got {value!r}.")
    if cache_side is not None and (not isinstance(cache_side, int) or cache_side < 1):
        raise ValueError(f"Expected data.cache_side as a number of pixels, at least 1, or null, but got {cache_side}.")
