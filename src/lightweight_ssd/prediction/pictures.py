"""The folder that `predict` writes to: names of the pictures, and what an earlier call left there."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.system.output_folder import make_output_folder

__all__ = ["RESULTS", "output_folder", "picture_names", "remove_earlier", "write_picture"]

RESULTS = "predictions.json"
_KIND = ".jpg"


def picture_names(sources: Sequence[Path]) -> dict[Path, str]:
    """A name per source for its picture, all different also where a file system ignores case.

    Example:
        >>> list(picture_names([Path("a/cat.png"), Path("b/Cat.jpg"), Path("b/dog.jpg")]).values())
        ['cat.jpg', 'Cat-2.jpg', 'dog.jpg']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for source in sources:
        stem, number = source.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{source.stem}-{number}"
        taken.add(stem.casefold())
        names[source] = f"{stem}{_KIND}"
    return names


def output_folder(output: Path, sources: Sequence[Path]) -> Path:
    """The folder to write in, which must not be one that images are read from: a picture could replace its source.

    Raises:
        ValueError: It is one of them, or cannot be written.
    """
    if output.resolve() in {source.parent.resolve() for source in sources}:
        raise ValueError(f"Expected another folder for output=… than one that images are read from but got {output}.")
    return make_output_folder(output)


def remove_earlier(folder: Path) -> None:
    """Removes what an earlier call wrote there: its list, and the pictures that the list names; nothing else.

    Args:
        folder: Of the output. A list that we did not write, or that names a file elsewhere, removes nothing there.
    """
    results = folder / RESULTS
    try:
        entries = json.loads(results.read_text())
        names = {entry["picture"] for entry in entries if {"file", "picture", "detections"} <= entry.keys()}
    except (OSError, ValueError, TypeError, AttributeError):  # there is none, or it is somebody else's
        return
    for name in names:
        picture = folder / str(name)
        if picture.name == name and picture.suffix == _KIND and picture.is_file() and not picture.is_symlink():
            picture.unlink()
    results.unlink()


def write_picture(picture: Image.Image, path: Path) -> None:
    """Writes a JPEG, whole or not at all: Pillow itself would leave half of one on a full disk and raise nothing.

    Raises:
        NotWritten: The disk is full or cannot be written.
    """
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=92)
    write_atomic(path, content.getvalue())
