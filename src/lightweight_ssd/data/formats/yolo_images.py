"""The images of a split in YOLO's format, each with its label file: a folder, or a list of images, or several."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lightweight_ssd.data.formats.image_files import images_below, is_image
from lightweight_ssd.system.plain_text import is_number

__all__ = ["LabeledImage", "are_labels", "find_images", "labels_folder", "with_labels", "with_labels_of"]

_LOOKED_AT = 20  # files of a folder, of which one line is read


class LabeledImage(NamedTuple):
    """An image and its label file; None where it has none, so that it is an image without objects."""

    image: Path
    label: Path | None


def find_images(places: Sequence[Path]) -> list[Path]:
    """The images of folders and lists, in their order, each once.

    A line of a list is a path: absolute, or from the list's folder or one above it.

    Args:
        places: Folders, with the folders in them; text files with a path a line; or images.

    Raises:
        FileNotFoundError: A folder or a list is missing, or an image of a list is.
        ValueError: No image is left.
    """
    images = list(dict.fromkeys(image for place in places for image in _images_of(place)))
    if not images:
        names = " and ".join(map(str, places))
        raise ValueError(f"Expected images in {names}, but there are none: choose another folder, or put them there.")
    return images


def with_labels(images: Sequence[Path]) -> list[LabeledImage]:
    """Each image with the label file that Ultralytics would take, or with the one beside it.

    The label of `images/train/a.jpg` is `labels/train/a.txt`: of several folders called `images` in the path the last
    one counts.
    """
    names = cache(_names)
    return [LabeledImage(image, _label_of(image, names)) for image in images]


def with_labels_of(images: Path, labels: Path, nested: bool = True) -> list[LabeledImage]:
    """The images of a folder with the label files of another one, or of the same one.

    Args:
        images: Folder of the images.
        labels: Folder of the text files.
        nested: Take the folders in it, too, each with the labels of a folder of its name.
    """
    found = images_below(images) if nested else [images / name for name in sorted(_names(images)) if is_image(name)]
    files = {place.relative_to(labels).with_suffix(""): place for place in sorted(labels.rglob("*.txt"))}
    return [LabeledImage(one, files.get(one.relative_to(images).with_suffix(""))) for one in found]


def are_labels(folder: Path, stems: frozenset[str]) -> bool:
    """Whether the first line of some of the files is one of numbers: captions have the names of images, too.

    Args:
        folder: Of text files.
        stems: Their names without suffix; where all are empty they are of images without objects.
    """
    for stem in islice(sorted(stems), _LOOKED_AT):
        try:
            with (folder / f"{stem}.txt").open(encoding="utf-8", errors="replace") as file:
                words = file.readline(4000).split()
        except OSError:
            continue
        if words:
            return len(words) > 4 and all(is_number(word) for word in words)
    return True


def labels_folder(images: Path) -> Path:
    """Where Ultralytics looks for the labels of a folder of images; the same folder where none is called `images`.

    Example:
        >>> labels_folder(Path("set/images/train"))
        PosixPath('set/labels/train')
    """
    parts = images.parts
    if "images" not in parts:
        return images
    last = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:last], "labels", *parts[last + 1 :])


def _images_of(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from images_below(place)
    elif is_image(place.name) and place.exists():
        yield place
    elif place.is_file():
        yield from _listed(place)
    else:
        raise FileNotFoundError(
            f"Expected a folder or a list of images at {place}, but there is none: put it there, or correct its path."
        )


def _listed(file: Path) -> Iterator[Path]:
    try:
        lines = [line.strip() for line in file.read_text("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected a list of images in {file}, but {error.reason}: save it as UTF-8.") from error
    home = file.parent.absolute()
    bases = [home, *list(home.parents)[:2]]
    for line in filter(None, lines):
        yield _found(line, bases, file)


def _found(line: str, bases: list[Path], file: Path) -> Path:
    """The image of a line; darknet's own paths start with a folder `data` that exports do not have."""
    path = Path(line.replace("\\", "/"))
    texts = [path, Path(*path.parts[1:])] if len(path.parts) > 1 else [path]
    for base in bases:
        for text in texts:
            if (base / text).is_file():
                return base / text
    raise FileNotFoundError(
        f"Expected the image {line!r} of the list {file} there or in {bases[0]}, but there is no such file: correct "
        "the list, or put the image there."
    )


def _label_of(image: Path, names: Callable[[Path], frozenset[str]]) -> Path | None:
    name = f"{image.stem}.txt"
    for folder in (labels_folder(image.parent), image.parent):
        if name in names(folder):
            return folder / name
    return None


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:
        return frozenset()
