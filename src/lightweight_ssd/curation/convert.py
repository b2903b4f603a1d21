"""A data set in VOC's format as COCO's, or the other way round, and how to train on the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from lightweight_ssd.config.arguments import checked
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.curation.source import Data, data_source
from lightweight_ssd.data.formats.convert import YEAR, convert
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import SPLITS, Split

__all__ = ["DataConversion", "SplitContents", "data_convert"]

_IMAGES = {"coco": "images", "voc": f"VOC{YEAR}/JPEGImages"}


@dataclass(frozen=True)
class SplitContents:
    """How much a split holds.

    Attributes:
        images: Images written.
        objects: Objects in them.
        crowd_regions: Regions of many objects under one box, which are not among the objects.
        skipped: One sentence for each problem because of which an image was left out.
    """

    images: int
    objects: int
    crowd_regions: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class DataConversion:
    """What was converted; printed, it is what `lssd data convert` shows.

    Attributes:
        to: The new format, `coco` or `voc`.
        output: The new folder, absolute.
        splits: What each split holds.
        class_names: Name of each label.
        image_folder: Where the images lie, or belong where none were copied.
        with_images: Whether the images are there.
    """

    to: str
    output: Path
    splits: Mapping[str, SplitContents]
    class_names: tuple[str, ...]
    image_folder: Path
    with_images: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """Splits that training needs and that were not converted."""
        return tuple(split for split in SPLITS if split not in self.splits)

    @property
    def overrides(self) -> list[str]:
        """What `lssd train` or `lssd.compose` needs to use the result; the splits that are missing are not named."""
        overrides = [f"data={self.to}", f"data.root={quoted(self.output)}"]
        if self.to == "voc":
            names = ", ".join(quoted(name) for name in self.class_names)
            lists = [f"data.{split}.{YEAR}={split}" for split in self.splits]
            return [*overrides, f"data.class_names=[{names}]", *lists, "data.train.2012=null"]
        for split in self.splits:
            overrides += [f"data.{split}.annotations=annotations/instances_{split}.json", f"data.{split}.images=images"]
        return overrides


@checked
def data_convert(
    to: Annotated[Literal["coco", "voc"], Meta(examples=["coco"])],
    output: Annotated[Path, Meta(examples=["FOLDER"])],
    data: Data = "voc",
    images: Literal["copy", "link", "none"] = "copy",
    splits: Annotated[Sequence[Split], Meta(min_length=1)] = SPLITS,
    **settings: Any,
) -> DataConversion:
    """Writes a data set in the other format: boxes, difficult objects, crowd regions and areas stay as they are.

    Args:
        to: The format to write.
        output: A new or empty folder; it appears whole or not at all.
        data: Name of the data set, `folder`, `voc`, `coco`, `yolo` or `shapes`; or what else `data_source` takes.
        images: Copy the images, link to where they are, or write annotations only.
        splits: Which splits to convert.
        settings: Of the data set, as `data_source` takes them: `root="VOCdevkit"`, `on_bad="skip"`.

    Raises:
        FileNotFoundError: The data or a part of it is missing.
        ValueError: A setting does not fit, a file of the data is wrong, the folder has something in it, the other
            format has no place for a name, or the disk is full.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = data_convert("coco", f"{folder}/coco", "shapes_tiny", root=folder)
        >>> done.splits["train"].images
        24
    """
    source = data_source(data, **settings)
    output = output.absolute()
    read = {split: source.annotations(split) for split in splits}
    convert(read, to, output, images)
    contents = {split: _contents(annotations) for split, annotations in read.items()}
    class_names = next(iter(read.values())).class_names
    return DataConversion(to, output, contents, tuple(class_names), output / _IMAGES[to], images != "none")


def _contents(annotations: PackedAnnotations) -> SplitContents:
    crowd_regions = int(annotations.crowd.sum())
    objects = len(annotations.boxes) - crowd_regions
    return SplitContents(len(annotations), objects, crowd_regions, annotations.skipped)
