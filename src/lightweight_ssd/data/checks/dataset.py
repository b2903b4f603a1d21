"""A data set as a whole: every annotation, every image file, and what the splits have in common.

What training would stop at is an error here: in the end training's own reader is asked for every split in which nothing
was found.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from lightweight_ssd.data.checks.coco import check_coco_source
from lightweight_ssd.data.checks.image import ListedImage, check_image
from lightweight_ssd.data.checks.layout import check_layout, list_file_of
from lightweight_ssd.data.checks.problems import NOTES, Findings, Kind, Problem
from lightweight_ssd.data.checks.voc import check_voc_list, check_voc_source
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.empty_split import has_objects, without_objects
from lightweight_ssd.data.formats.voc_devkit import find_year
from lightweight_ssd.data.layouts.source import LayoutSource
from lightweight_ssd.data.selection import is_held_out
from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.data.voc import VOC
from lightweight_ssd.system.parallel import each_file
from lightweight_ssd.types import SPLITS

__all__ = ["check_source", "find_shared_images"]

_ENOUGH = {False: 2000, True: 200}  # images, by `decode`, from which on processes are worth starting


def check_source(source: Any, findings: Findings, decode: bool = False, workers: int | None = None) -> dict[str, int]:
    """Puts everything that is wrong with a data source into `findings`.

    Args:
        source: One of those in `data`: folder, voc, coco, yolo or shapes.
        findings: Where it goes.
        decode: Decode every image, too.
        workers: Processes for the images; None = one per core.

    Returns:
        Images by split.

    Raises:
        ValueError: The source is of another kind.
    """
    broken: set[str] = set()

    def add(problem: Problem) -> None:
        findings.add(problem)
        if problem.kind not in NOTES:
            broken.update(problem.split.split(", "))

    images = [_on_its_side(image, source) for image in _collect(_check_annotations(source), add)]
    digests = _check_files(images, decode, workers or len(os.sched_getaffinity(0)), add)
    for problem in chain(find_shared_images(images, digests), _ask_training(source, broken)):
        findings.add(problem)
    return {split: sum(split in image.splits for image in images) for split in SPLITS}


def _collect(found: Iterator[Problem | ListedImage], add: Callable[[Problem], None]) -> list[ListedImage]:
    """The images, each file once with all of its splits; problems go to `add`."""
    listed: dict[tuple[str, tuple[int, int] | None], frozenset[str]] = {}
    for one in found:
        if isinstance(one, Problem):
            add(one)
            continue
        before = listed.get((one.path, one.size), frozenset())
        listed[one.path, one.size] = before | one.splits
        if before & one.splits:
            detail = "two lists of the split name it"
            add(Problem(Kind.DUPLICATE_IMAGE, _join(before & one.splits), one.path, detail))
    return [ListedImage(path, size, splits) for (path, size), splits in listed.items()]


def _on_its_side(image: ListedImage, source: Any) -> ListedImage:
    """Of an image to train on, whether it is kept apart for validation; the lists do not say."""
    if isinstance(source, LayoutSource):  # which has done so
        return image
    if (divided := getattr(source, "split", None)) is not None:
        own = divided.split_of(image.path)
        return image._replace(splits=frozenset({own, "test"} if own == "val" and not divided.test else {own}))
    share = getattr(source, "val_share", None)
    if share is None or "train" not in image.splits:
        return image
    return image._replace(splits=image.splits - {"train" if is_held_out(image.path, share) else "val"})


def _check_files(
    images: Sequence[ListedImage], decode: bool, workers: int, add: Callable[[Problem], None]
) -> list[bytes]:
    """Digests of the image files; problems go to `add`."""
    digests = []
    work, title = partial(check_image, decode=decode), "decoding images" if decode else "image files"
    reports = each_file(work, images, workers, title, "processes", _ENOUGH[decode])
    for image, report in zip(images, reports, strict=True):
        digests.append(report.digest)
        for kind, detail in report.findings:
            add(Problem(kind, _join(image.splits), image.path, detail))
    return digests


def find_shared_images(images: Sequence[ListedImage], digests: Sequence[bytes]) -> Iterator[Problem]:
    """Images that are in training and elsewhere, and files of one content in one split.

    Validation and test may be the same: nothing is learned from either.

    Args:
        images: As listed, each file once.
        digests: Of their contents; empty where a file could not be read.
    """
    keys = [
        digest or image.path.encode("utf-8", "surrogateescape") for image, digest in zip(images, digests, strict=True)
    ]
    trained = {key: image.path for image, key in zip(images, keys, strict=True) if "train" in image.splits}
    first: dict[tuple[str, bytes], str] = {}
    for image, key in zip(images, keys, strict=True):
        others = image.splits - {"train"}
        if others and key in trained:
            kind = Kind.TRAIN_AND_TEST if "test" in others else Kind.TRAIN_AND_VAL
            same = trained[key] == image.path
            detail = "the same file is trained on" if same else f"same content as {trained[key]}, which is trained on"
            yield Problem(kind, _join(image.splits | {"train"}), image.path, detail)
        earlier = {split: first.setdefault((split, key), image.path) for split in image.splits}
        again = frozenset(split for split, path in earlier.items() if path != image.path)
        if again:
            detail = f"same content as {next(earlier[split] for split in SPLITS if split in again)}"
            yield Problem(Kind.SAME_CONTENT, _join(again), image.path, detail)


def _check_annotations(source: Any) -> Iterator[Problem | ListedImage]:
    if isinstance(source, COCO):
        yield from check_coco_source(source)
    elif isinstance(source, VOC):
        yield from check_voc_source(source)
    elif isinstance(source, LayoutSource):
        yield from check_layout(source)
    elif isinstance(source, Shapes):
        source.draw()
        for split in SPLITS:
            yield from check_voc_list(source.devkit, "2007", split, [split], source.all_class_names, origin=1)
    else:
        raise ValueError(
            f"Expected one of this package's data sets, but got {type(source).__name__}: choose one with data=…."
        )


def _group(lists: dict[str, list[Any]]) -> dict[Any, list[str]]:
    """The splits that use each list: what two use is checked once."""
    used: dict[Any, list[str]] = {}
    for split, chosen in lists.items():
        for one in chosen:
            used.setdefault(one, []).append(split)
    return used


def _join(splits: frozenset[str]) -> str:
    return ", ".join(split for split in SPLITS if split in splits)


def _ask_training(source: Any, broken: Collection[str]) -> Iterator[Problem]:
    """What training's reader stops at although nothing was found, and what training checks before its first step."""
    if "train" in broken and not _has_categories(source):
        return
    found = {split: list(_ask_for(source, split)) for split in SPLITS if split not in broken}
    for problem, splits in _group(found).items():
        name = ", ".join(splits)
        detail = f"{name}: {problem.detail}" if problem.kind is Kind.NO_OBJECTS else problem.detail
        yield problem._replace(split=name, detail=detail)


def _ask_for(source: Any, split: str) -> Iterator[Problem]:
    """What is wrong with a split, without its name: two splits of one list have one problem."""
    file = _list_file(source, split)
    try:
        annotations = source.annotations(split)
    except (ValueError, OSError) as error:
        yield Problem(Kind.REFUSED, "", file, str(error))
        return
    yield from (Problem(Kind.REFUSED, "", file, sentence) for sentence in annotations.skipped)
    if not has_objects(annotations, split):
        yield Problem(Kind.NO_OBJECTS, "", file, without_objects(source, split, annotations))


def _has_categories(source: Any) -> bool:
    """Whether any split can be asked for: COCO's categories stand in the training file, which may be the fault."""
    try:
        return bool(source.class_names)
    except (ValueError, OSError):
        return False


def _list_file(source: Any, split: str) -> str:
    """What names the images of a split; the first such file where there are several."""
    if isinstance(source, LayoutSource):
        return list_file_of(source)
    if isinstance(source, COCO):
        return str(source.splits[split].annotations.absolute())
    if isinstance(source, VOC):
        return str(next(iter(source.parts(source.lists_of(split)))).source)
    return str(find_year(source.devkit, "2007").absolute() / "ImageSets" / "Main" / f"{split}.txt")
