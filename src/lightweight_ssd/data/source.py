"""What every data source lets its user choose: what becomes of wrong files, and where images are cached."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lightweight_ssd.data.formats.packed import PackedAnnotations

__all__ = ["CACHES", "ON_BAD", "Source", "check_source_options", "data_root"]

ON_BAD = ("error", "skip")  # stop at the first wrong file, or leave its image out and list it at the end
CACHES = ("none", "disk", "ram")


@runtime_checkable
class Source(Protocol):
    """What `data/<name>.py` offers: the class names, the packed annotations of a split, and its user's choices.

    Attributes:
        root: Its folder.
        class_names: Name of each label.
        on_bad: `error` or `skip`: what becomes of an image that cannot be used.
        cache: `none`, `disk` or `ram`: where training images are kept, decoded and resized.
        cache_side: Longest side of these, pixels; None leaves it to the data module.
        cache_dir: Their folder; None is the user's cache folder.
    """

    root: Any
    class_names: tuple[str, ...]
    on_bad: str
    cache: str
    cache_side: int | None
    cache_dir: str | Path | None

    def annotations(self, split: str) -> PackedAnnotations: ...


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


def data_root(root: str | int | float | Path | None, wanted: str) -> Path:
    """The folder that a source lies in; it need not exist.

    Args:
        root: As given; of a folder such as 2007 Hydra makes a number.
        wanted: What to give instead, for the message.

    Raises:
        ValueError: It is null, a file, or below a file.

    Example:
        >>> data_root(2007, "a folder")
        PosixPath('2007')
    """
    path = Path(str(root))
    files = (f"{each} is a file" for each in (path, *path.parents) if each.is_file())
    wrong = "it is null" if root is None else next(files, None)
    if wrong:
        raise ValueError(f"Expected data.root to be a folder, but {wrong}: give {wanted}.")
    return path
