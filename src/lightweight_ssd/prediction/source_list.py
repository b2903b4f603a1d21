"""A list of files to look at: text with one path a line."""

from pathlib import Path

__all__ = ["read_list"]

_COMMENT = "#"
_LARGEST = 1 << 28  # bytes; a million paths have a tenth of that


def read_list(path: Path) -> list[Path]:
    """The files of a list, as it has them; empty lines and those that begin with `#` count for nothing.

    A path is relative to the list's folder, as data sets have it. Where it is not there, but is from the working
    directory, it is that one. A list names files only: no addresses, folders, globs or other lists.

    Args:
        path: Text in UTF-8.

    Raises:
        FileNotFoundError: None of its lines is a file that exists.
        ValueError: It is empty, no text, too large, or has an address in it.
    """
    lines = _lines(path)
    if not lines:
        raise ValueError(f"Expected one path a line in {path} but it has none; write the images or videos into it.")
    addresses = [line for line in lines if "://" in line]
    if addresses:
        raise ValueError(f"Expected paths of files in {path} but got {addresses[0]}; give addresses as source=[…].")
    files = [_place(path.parent, line) for line in lines]
    if not any(file.is_file() for file in files):
        raise FileNotFoundError(
            f"Expected paths of images or videos in {path}, relative to its folder or to the working directory, but "
            f"none of its {len(lines)} lines is a file; the first is {lines[0][:100]}."
        )
    return files


def _lines(path: Path) -> list[str]:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"Expected a list of at most {_LARGEST >> 20} MB but {path} is larger; divide it.")
    content = path.read_bytes()
    if b"\0" in content:
        raise ValueError(f"Expected text with one path a line in {path} but it is no text in UTF-8; save it as UTF-8.")
    text = content.decode("utf-8-sig", errors="surrogateescape")  # a name that is not UTF-8 keeps its bytes
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith(_COMMENT)]


def _place(folder: Path, line: str) -> Path:
    beside, here = folder / line, Path(line)
    return here if not beside.exists() and here.exists() else beside
