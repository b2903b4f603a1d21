"""A split's images, resized and decoded once, in one file that all loader workers and processes of a machine map.

Decoding a JPEG costs more than all that training does with it afterwards, and it gives the same pixels in every epoch.
Here they lie uncompressed, one image after the other, and the operating system shows them to every process without a
copy: what one worker has read from disk, the others find in memory.

The folder of a cache holds `pixels` (8-bit RGB, rows from the top) and `index.npz` (the size of each image, the files
that could not be used, and the key of what all this was made from). Who makes it is `image_cache_build`.
"""

import mmap
import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Int, Int64, UInt8

from lightweight_ssd.data.formats.packed import starts

__all__ = ["INDEX_FILE", "PIXELS_FILE", "ImageCache", "cached_sizes", "image_starts"]

PIXELS_FILE = "pixels"
INDEX_FILE = "index.npz"


def cached_sizes(sizes: Int[np.ndarray, "N 2"], side: int) -> Int64[np.ndarray, "N 2"]:
    """Sizes of the cached images: aspect kept, nothing enlarged, no side below one pixel.

    Args:
        sizes: (height, width) of each file, pixels.
        side: Longest side in the cache, pixels.

    Example:
        >>> cached_sizes(np.array([[375, 500], [1200, 900], [1, 900]]), 600).tolist()
        [[375, 500], [600, 450], [1, 600]]
    """
    scale = np.minimum(1.0, side / sizes.max(axis=1, keepdims=True, initial=1))
    return np.maximum(1, np.rint(sizes * scale)).astype(np.int64)


def image_starts(sizes: Int[np.ndarray, "N 2"]) -> Int64[np.ndarray, " N+1"]:
    """Byte at which each image begins in the file of pixels; the last entry is the file's length.

    Example:
        >>> image_starts(np.array([[2, 3], [1, 1]])).tolist()
        [0, 18, 21]
    """
    return starts(3 * sizes.astype(np.int64).prod(axis=1))


class ImageCache:
    """Reads a cache: `cache[index]` is a view of the mapped file, of which only the touched pages are ever read.

    Pickled for a spawned worker it is a path and a key; the worker maps the same file.

    Args:
        folder: Of the cache.
        key: What it must have been made from.

    Attributes:
        sizes: (height, width) of each cached image, pixels.
        problems: One sentence for each image whose file could not be used, by index.

    Raises:
        FileNotFoundError: There is no cache.
        ValueError: It is damaged, or was made from something else.
    """

    def __init__(self, folder: str | Path, key: str) -> None:
        self.folder, self.key = Path(folder), key
        try:
            # opened here: of a damaged file NumPy would leave its own open
            with (self.folder / INDEX_FILE).open("rb") as file, np.load(file, allow_pickle=False) as index:
                made_from, self.sizes = str(index["key"]), index["sizes"]
                self.problems = dict(zip(index["bad"].tolist(), index["sentences"].tolist(), strict=True))
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"Expected an image cache in {folder}, but {error}: delete it.") from error
        if made_from != key:
            raise ValueError(
                f"Expected an image cache of the present files in {folder}, but they changed: start again."
            )
        self._starts = image_starts(self.sizes)
        self._pixels = self._map()

    def _map(self) -> UInt8[np.ndarray, " P"]:
        with (self.folder / PIXELS_FILE).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != self._starts[-1] or not size:
                raise ValueError(
                    f"Expected {self._starts[-1]} bytes in {self.folder / PIXELS_FILE}, but got {size}: delete it."
                )
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        """Image number `index`, RGB, read-only.

        Raises:
            ValueError: Its file could not be used when the cache was made.
        """
        if index in self.problems:
            raise ValueError(self.problems[index])
        height, width = self.sizes[index]
        return self._pixels[self._starts[index] : self._starts[index + 1]].reshape(height, width, 3)

    def __reduce__(self) -> tuple[type["ImageCache"], tuple[Path, str]]:
        return ImageCache, (self.folder, self.key)
