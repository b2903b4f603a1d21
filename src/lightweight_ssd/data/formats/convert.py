"""From VOC's format to COCO's and back: everything that training and evaluation use is kept to the last bit.

What only one format has a place for becomes an element of its own in the other: `difficult` in COCO's, `crowd` and
`area` in VOC's. VOC has no ids: there, images are numbered by their place in the list, and categories from 1.
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from lightweight_ssd.data.formats.coco_instances import write_instances
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.voc_devkit import write_split
from lightweight_ssd.data.images.reader import expect_image
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.types import OTHER_CLASS

__all__ = ["YEAR", "convert"]

YEAR = "2007"  # the folder of a converted devkit is VOC2007, which conf/data/voc.yaml names already
_VOC_SUFFIXES = (".jpg", ".jpeg", ".png")
_FILES_WITHOUT_BAR = 500


def convert(splits: Mapping[str, PackedAnnotations], to: str, output: Path, images: str = "copy") -> None:
    """Writes splits in another format, whole or not at all.

    Args:
        splits: Annotations by split name, of the same classes.
        to: `coco`: `annotations/instances_<split>.json` and `images`. `voc`: a devkit of one year.
        output: Folder to make; it may exist if it is empty.
        images: `copy` them, `link` (symbolic links to where they are), or `none`: write annotations only.

    Raises:
        ValueError: An argument is unknown, the folder has something in it, the other format has no place for a name, or
            the disk is full.
    """
    _check_arguments(to, output, images)
    _check_for_other_classes(splits)
    names = _file_names(splits)
    if to == "voc":
        _check_for_voc(splits, names)
    advice = "make room, or name another output=…, and call the same command again."
    with one_sentence_when_full(output, advice):
        _write(splits, names, to, output, images)


def _write(
    splits: Mapping[str, PackedAnnotations], names: Mapping[str, str], to: str, output: Path, images: str
) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as hidden:
        folder = Path(hidden) / output.name
        target = _write_annotations(splits, names, to, folder)
        _bring_images(names, target, images)
        _write_skipped(splits, folder)
        folder.rename(output)


def _check_arguments(to: str, output: Path, images: str) -> None:
    for key, value, known in (("to", to, ("coco", "voc")), ("images", images, ("copy", "link", "none"))):
        if value not in known:
            raise ValueError(f"Expected {key}=… to be one of {', '.join(known)}, but got {value!r}.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"Expected output=… to be a new or empty folder, but {output} holds something: name another.")


def _check_for_other_classes(splits: Mapping[str, PackedAnnotations]) -> None:
    if any((annotations.labels == OTHER_CLASS).any() for annotations in splits.values()):
        raise ValueError(
            "Expected a class for each object, but data.other_classes=ignore keeps objects without one, for which "
            "neither format has a place: convert with data.other_classes=background."
        )


def _file_names(splits: Mapping[str, PackedAnnotations]) -> dict[str, str]:
    """The new file name of each image by its path: all images come into one folder.

    A name that another split has already gets that of its own split before it: `val_a.jpg`.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for split, annotations in splits.items():
        of_split: dict[str, str] = {}
        for path in annotations.paths():
            name = Path(path).name
            if of_split.setdefault(name, path) != path:
                raise _same_name(of_split[name], path, name)
            if not name.isprintable():  # bytes that are no text, too, for which JSON has no place
                raise ValueError(f"Expected file names that can be written as text, but got {name!r}: rename it.")
            new = names.setdefault(path, name if taken.get(name, path) == path else f"{split}_{name}")
            if taken.setdefault(new, path) != path:
                raise _same_name(taken[new], path, new)
    return names


def _same_name(one: str, other: str, name: str) -> ValueError:
    return ValueError(
        f"Expected different file names, since all images come into one folder, but {one} and {other} are both "
        f"{name!r}: rename one."
    )


def _check_for_voc(splits: Mapping[str, PackedAnnotations], names: Mapping[str, str]) -> None:
    """A devkit has one annotation per image, found by its name without suffix, and lists of these names."""
    stems = Counter(Path(name).stem for name in names.values())
    for name in names.values():
        stem, suffix = Path(name).stem, Path(name).suffix.lower()
        if suffix not in _VOC_SUFFIXES or stems[stem] > 1 or re.sub(r"\s+(-1|0|1)$", "", stem.strip()) != stem:
            raise ValueError(
                f"Expected images .jpg, .jpeg or .png with different names that can stand in a list, but got {name!r}: "
                "rename it, or save it as JPEG."
            )
    said: dict[str, tuple[object, ...]] = {}
    for split, annotations in splits.items():
        _check_class_names(annotations.class_names)
        for annotation in annotations if len(splits) > 1 else ():
            of_image = (annotation.height, annotation.width, *(array.tobytes() for array in annotation[4:]))
            if said.setdefault(annotation.path, of_image) != of_image:
                raise ValueError(
                    f"Expected the same annotation of {annotation.path} in all splits, since a devkit has one for each "
                    f"image, but that of {split} differs: convert the splits one by one, with splits=[{split}]."
                )


def _check_class_names(class_names: Sequence[str]) -> None:
    for name in class_names:
        if not name.isprintable() or name != name.strip():
            raise ValueError(
                f"Expected class names that XML can hold, without spaces around them, but got {name!r}: rename it."
            )


def _write_annotations(
    splits: Mapping[str, PackedAnnotations], new_names: Mapping[str, str], to: str, folder: Path
) -> Path:
    """Returns the folder that the images belong into."""
    for name, annotations in splits.items():
        if to == "voc":
            renamed = [one._replace(path=new_names[one.path]) for one in annotations]
            write_split(folder, YEAR, name, renamed, annotations.class_names)
        else:
            names = [new_names[path] for path in annotations.paths()]
            write_instances(folder / "annotations" / f"instances_{name}.json", annotations, names)
    target = folder / f"VOC{YEAR}" / "JPEGImages" if to == "voc" else folder / "images"
    target.mkdir(exist_ok=True)
    return target


def _bring_images(names: Mapping[str, str], target: Path, images: str) -> None:
    hidden = images == "none" or len(names) <= _FILES_WITHOUT_BAR
    for path, name in tqdm(names.items(), desc=f"{images} images", unit="file", disable=hidden):
        if images == "copy":
            expect_image(path)  # a list from somebody else may name any file
            shutil.copyfile(path, target / name)
        elif images == "link":
            (target / name).symlink_to(path)


def _write_skipped(splits: Mapping[str, PackedAnnotations], folder: Path) -> None:
    sentences = [sentence for annotations in splits.values() for sentence in annotations.skipped]
    if sentences:
        (folder / "skipped.txt").write_text("".join(f"{one}\n" for one in sentences), "utf-8", "surrogateescape")
