"""Image files that are not where an annotation file says: looked for by their names in one folder.

Names come with the folders of another machine, with the separators of Windows, percent-encoded as in an address, or in
other letters. A file is taken if its path ends as the name does, in as many folders as no other's.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from jaxtyping import Bool

__all__ = ["find_elsewhere"]


def find_elsewhere(
    path: Path, folder: Path, names: list[str], missing: Bool[np.ndarray, " N"]
) -> tuple[dict[int, str], dict[int, str]]:
    """Finds missing images elsewhere in a folder, which is searched once; hidden folders in it are left out.

    Args:
        path: The annotation file, for sentences.
        folder: Where the images lie, absolute.
        names: Of all images.
        missing: Which of them have no file.

    Returns:
        By row, the names of images that were found, relative to the folder, and sentences on those that may be several.
    """
    rows = np.flatnonzero(missing).tolist()
    spelled = {row: _spellings(names[row]) for row in rows}
    listed = {os.path.normpath(names[row]) for row in np.flatnonzero(~missing).tolist()} if rows else set()
    wanted = {_fold(parts[-1]) for spellings in spelled.values() for parts in spellings if parts}
    files = _search(folder, wanted, listed)
    best = {row: _best(folder.parts, spellings, files) for row, spellings in spelled.items()}
    claims = Counter(there[0] for there in best.values() if len(there) == 1)
    found, ambiguous = {}, {}
    for row, there in best.items():
        if len(there) == 1 and claims[there[0]] == 1:
            found[row] = there[0]
        elif there:
            several = f"{there[0]} and {there[1]}" if len(there) > 1 else f"{claims[there[0]]} entries of the list"
            ambiguous[row] = (
                f"Expected the image {names[row]!r} of {path} in {folder}, but it is not there, and {several} have its "
                "base name: write into file_name where it is, relative to that folder."
            )
    return found, ambiguous


def _spellings(name: str) -> list[list[str]]:
    r"""The folders and the base name that a name may mean.

    Example:
        >>> _spellings("C:\\set\\a%20b.jpg")
        [['C:', 'set', 'a%20b.jpg'], ['C:', 'set', 'a b.jpg']]
    """
    plain = name.replace("\\", "/")
    texts = [plain]
    if "%" in plain or "?" in plain:  # an address, of Label Studio's local files too
        before, _, query = plain.partition("?")
        texts.append(unquote(query.removeprefix("d=") if query.startswith("d=") else before))
    return [[part for part in text.split("/") if part not in ("", ".", "..")] for text in dict.fromkeys(texts)]


def _search(folder: Path, wanted: set[str], listed: set[str]) -> dict[str, list[str]]:
    """The files with these base names anywhere in the folder, relative to it, without those that are listed already."""
    files: dict[str, list[str]] = {}
    for parent, below, names in os.walk(folder) if wanted else ():
        below[:] = [one for one in below if not one.startswith(".")]
        before = os.path.relpath(parent, folder)
        for name in names:
            folded = _fold(name)
            relative = name if before == "." else f"{before}/{name}"
            if folded in wanted and relative not in listed:
                files.setdefault(folded, []).append(relative)
    return files


def _best(folder: Sequence[str], spellings: Sequence[list[str]], files: dict[str, list[str]]) -> list[str]:
    """The files whose paths end most like one of the spellings."""
    candidates = [(file, parts) for parts in spellings if parts for file in files.get(_fold(parts[-1]), [])]
    if len(candidates) < 2:
        return [file for file, _ in candidates]
    likeness = [_likeness((*folder, *file.split("/")), parts) for file, parts in candidates]
    most = max(likeness, default=None)
    return sorted({file for (file, _), alike in zip(candidates, likeness, strict=True) if alike == most})


def _likeness(path: Sequence[str], parts: Sequence[str]) -> tuple[int, bool]:
    """In how many names two paths end alike, and whether the last ones are so to the letter."""
    pairs = zip(reversed(path), reversed(parts), strict=False)
    return len(list(takewhile(lambda pair: _fold(pair[0]) == _fold(pair[1]), pairs))), path[-1] == parts[-1]


def _fold(name: str) -> str:
    """One text for what Windows and macOS take for one name."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
