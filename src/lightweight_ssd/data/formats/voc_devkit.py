"""The splits of a devkit in the format of PASCAL VOC: found, read in parallel, and cached.

A devkit holds one folder per year, `VOC2007` say, with `JPEGImages`, `Annotations` and the lists of image ids in
`ImageSets/Main/<split>.txt`. Own data of one year may call its folder as it likes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from lightweight_ssd.data.formats.origin import Origin
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.voc_files import ListEntry, list_file_entries, pair_files, read_ids
from lightweight_ssd.data.formats.voc_reading import count_class_names, read_entries, read_labelmap
from lightweight_ssd.data.formats.voc_tree import Fault
from lightweight_ssd.data.formats.voc_xml import write_annotation
from lightweight_ssd.types import Annotation

__all__ = [
    "ListEntry", "count_class_names", "find_entries", "find_year", "pair_files", "read_entries", "read_ids",
    "read_labelmap", "read_split", "write_split",
]  # fmt: skip


def read_split(
    root: str | Path,
    year: str,
    split: str,
    class_names: Sequence[str],
    box_tolerance: float = 1.0,
    cache_dir: str | Path | None = None,
    num_threads: int = 4,
    on_bad: str = "error",
    origin: Origin | str | int = "auto",
    all_entries: Sequence[ListEntry] | Callable[[], Sequence[ListEntry]] = (),
) -> PackedAnnotations:
    """Reads the annotations of one split of one year; image ids are the line numbers in its list, from 1.

    Args:
        root: The devkit, which holds the folders of the years.
        year: `2007` for the folder `VOC2007`; or a folder's whole name.
        split: Name of the list in `ImageSets/Main`, without `.txt`. A flag after an id, as in VOC's lists per class, is
            ignored.
        class_names: Name of each label.
        box_tolerance: As `read_entries` has it; so have the following.
        cache_dir: Where the packed annotations are kept for the next time; None keeps none.
        num_threads: Files read at once.
        on_bad: `error` or `skip`. A repeated line is only reported.
        origin: Where boxes count from.
        all_entries: Of all splits.

    Raises:
        FileNotFoundError: The devkit, the year, the split, an annotation or an image is missing.
        ValueError: The list is empty or names an image twice, an annotation is wrong, or no image is left.
    """
    entries, faults = find_entries(find_year(Path(root), year), split)
    unusable = [fault.error for fault in faults]
    return read_entries(
        entries, class_names, box_tolerance, cache_dir, num_threads, on_bad, origin, f"{year} {split}", all_entries,
        unusable,
    )  # fmt: skip


def write_split(
    root: str | Path,
    year: str,
    split: str,
    annotations: Sequence[Annotation] | PackedAnnotations,
    class_names: Sequence[str],
) -> None:
    """Writes a split's list and annotations into a devkit; the images are the caller's to write.

    Args:
        root: The devkit; folders are made where missing.
        year: `2007` for the folder `VOC2007`.
        split: Name of the list in `ImageSets/Main`, without `.txt`.
        annotations: Their images' file names, without suffix, become the ids.
        class_names: Name of each label.
    """
    folder = Path(root) / f"VOC{year}"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ids = [Path(annotation.path).stem for annotation in annotations]
    for name, annotation in zip(ids, annotations, strict=True):
        write_annotation(folder / "Annotations" / f"{name}.xml", annotation, class_names)
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")


def find_year(root: Path, year: str) -> Path:
    """The folder of one year in a devkit, such as `VOC2007`; FileNotFoundError says what is there instead."""
    if not root.is_dir():
        raise FileNotFoundError(
            f"Expected a VOC devkit at {root.absolute()}, a folder that holds VOC2007 or the like with JPEGImages, "
            f"Annotations and ImageSets/Main, but there is no such folder: put the devkit there or set "
            "data.root."
        )
    for folder in (root / f"VOC{year}", root / year):
        if (folder / "Annotations").is_dir():
            return folder.absolute()
    years = sorted(path.parent.name.removeprefix("VOC") for path in root.glob("*/Annotations"))
    choice = f"choose among {', '.join(years)}, or " if years else ""
    raise FileNotFoundError(
        f"Expected the year {year!r} in the VOC devkit {root.absolute()}, but it has no folder VOC{year}/Annotations: "
        f"{choice}put the year there; for a folder of your own, add data=folder."
    )


def find_entries(folder: Path, split: str) -> tuple[list[ListEntry], list[Fault]]:
    """The list's lines that have an image of their own, and what is wrong with the others."""
    list_file = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not list_file.is_file():
        names = sorted(path.stem for path in list_file.parent.glob("*.txt"))
        splits = ", ".join([name for name in names if "_" not in name] or names)  # without VOC's lists per class
        raise FileNotFoundError(
            f"Expected the list of images of the split {split!r} at {list_file}, but there is no such file: "
            f"choose among {splits or 'none'}, or write it, one image id a line."
        )
    return list_file_entries(list_file, folder / "JPEGImages", folder / "Annotations")
