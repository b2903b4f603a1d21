"""Memory of large tensors on a CPU: kept by the process between uses instead of being fetched anew each time.

The C library hands a block of 32 MB or more back to Linux as soon as it is free, and Linux fills the next one with
zeros, page by page. In a training step at 300×300 pixels this takes more time than normalization and rectifiers
themselves. Kept blocks on pages of 2 MB, instead of 4 kB, cost nothing when they are used again.

The price is that memory stays with the process until it ends, in a heap that may have holes.
"""

import ctypes
import os

__all__ = ["HUGE_PAGES", "keep_freed_memory"]

HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Environment variable at which PyTorch asks Linux for pages of 2 MB; read when it first takes memory."""


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of malloc.h
_NEVER = 2**31 - 1  # bytes, the most that the C library takes


def keep_freed_memory() -> bool:
    """Let this process, and those that it forks, keep what it frees; called again it does nothing more.

    Huge pages are asked for, too; PyTorch hears of it only if it has taken no memory yet. A user's own
    `THP_MEM_ALLOC_ENABLE`, `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_` stay as they are.

    Returns:
        Whether the C library has done so; not every one can.
    """
    os.environ.setdefault(HUGE_PAGES, "1")
    if {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"} & set(os.environ):
        return False
    try:
        setting = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    return bool(setting(_MMAP_THRESHOLD, _NEVER) and setting(_TRIM_THRESHOLD, _NEVER))
