"""The first look at a data set: its boxes counted beside the anchors, and a sheet of augmented samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8
from matplotlib.figure import Figure
from msgspec import Meta

from lightweight_ssd.config.arguments import checked
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.curation.box_statistics import BoxStatistics, box_statistics
from lightweight_ssd.curation.source import Data, composed, data_source
from lightweight_ssd.data.dataset import DetectionDataset, Sample
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.detector.anchor_fit import (
    AnchorGrid,
    AnchorShapes,
    anchor_grid,
    anchor_shapes,
    anchor_sides,
)
from lightweight_ssd.plots.contact_sheet import contact_sheet
from lightweight_ssd.plots.data_statistics import BoxesAtInput, data_statistics
from lightweight_ssd.plots.detections import draw_boxes
from lightweight_ssd.plots.style import save
from lightweight_ssd.system.disk_space import one_sentence_when_full
from lightweight_ssd.system.output_folder import make_output_folder
from lightweight_ssd.system.plain_text import printable
from lightweight_ssd.types import OTHER_CLASS, Annotation, SampleKey, Split

__all__ = ["DataSheet", "data_show"]

_Part = Annotated[Any, Meta(description="a part of the detector: its name, or its configuration")]

_LONGEST_LIST = 40  # letters of class names in the head of the sheet
_SIDE = 320  # pixels of a picture's longer side on the sheet: labels are drawn at this size, so that all are alike


@dataclass(frozen=True)
class DataSheet:
    """What was drawn and counted.

    Attributes:
        output: PNG file of the contact sheet.
        images: How many images are on it.
        dataset_images: How many the split has.
        statistics: The boxes of the split, counted beside the anchors.
        chart: PNG file that shows them; None where none was asked for.
        notes: One line for each thing that reading the data decided.
    """

    output: Path
    images: int
    dataset_images: int
    statistics: BoxStatistics
    chart: Path | None
    notes: tuple[str, ...]


@checked
def data_show(
    data: Data = "voc",
    augment: Annotated[Any, Meta(description="an augmentation: its name, its configuration, or a callable")] = (
        "gray_mix_rgb"
    ),
    image_size: int | list[int] = 300,
    split: Split = "train",
    images: Annotated[int, Meta(ge=1, le=400)] = 16,
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0,
    output: Path = Path("contact_sheet.png"),
    title: str | None = None,
    chart: Path | None = Path("data_statistics.png"),
    backbone: _Part = None,
    neck: _Part = None,
    detector: _Part = "ssd",
    **settings: Any,
) -> DataSheet:
    """Counts the boxes of a split beside the anchors of a detector, and draws augmented samples beside their originals.

    If boxes on the left miss their objects, the annotations are wrong; if the objects on the right cannot be named, the
    augmentation is too strong. The same seed gives the same picture.

    Args:
        data: Name of the data set, `voc`, `coco` or `shapes`; or what else `data_source` takes.
        augment: An option of the group `augment`, or overrides; or a node of a composed configuration; or a callable of
            the signature of `augment.pipeline.Pipeline`.
        image_size: Height and width of the network's input, pixels, one number or [height, width]; where `augment` is a
            node or a callable, it has its own.
        split: Whose images; they are augmented in any case.
        images: How many, drawn at random.
        seed: Of the choice of images and of the augmentation.
        output: The PNG file to write; its folder is made where missing.
        title: Head of the sheet; None names the data and the augmentation.
        chart: The PNG file for counts per class, box sizes and anchors; None: it is not drawn.
        backbone: Of the detector with whose anchors the boxes are compared: an option of the group `backbone`; None =
            that of `lssd data show detector=…`.
        neck: The same for the group `neck`.
        detector: An option of the group `detector`, or its node of a composed configuration, which has all parts.
        settings: Of the data set, as `data_source` takes them: `root="VOCdevkit"`. For those that have the name of an
            argument above, `seed` and `image_size` of `shapes`, pass `data_source("shapes", seed=1)` as data.

    Raises:
        FileNotFoundError: The data or a part of it is missing.
        ValueError: A setting does not fit, data cannot be read, or the disk is full.
    """
    file = _png(output, "output=…", "output=contact_sheet.png")
    chart_file = None if chart is None else _png(chart, "chart=…", "chart=data_statistics.png")
    source, pipeline = data_source(data, **settings), _pipeline(augment, image_size)
    shapes, grid = _anchors(
        backbone,
        neck,
        detector,
        (image_size, image_size) if isinstance(image_size, int) else (image_size[0], image_size[1]),
    )
    annotations = source.annotations(split)
    dataset = DetectionDataset(annotations, pipeline, seed, on_bad=source.on_bad)
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:images].tolist()
    keys = [SampleKey(0, position, index) for position, index in enumerate(chosen)]
    before, after, captions = zip(*(_pair(dataset[key], annotations.class_names) for key in keys), strict=True)
    title = (title or f"data={_name(data, source)} augment={_name(augment, pipeline)}") + _chosen_classes(source)
    head = f"{title} split={split} seed={seed}: {len(chosen)} of {len(dataset):,} images"
    sheet = contact_sheet(before, after, captions, head)
    counted = box_statistics(annotations, shapes, grid)
    with one_sentence_when_full(file, "make room, or name another output=…, and call the same command again."):
        save(sheet, file)
        if chart_file is not None:
            save(_chart(annotations, counted, f"Objects of {split}"), chart_file)
    return DataSheet(file, len(chosen), len(dataset), counted, chart_file, annotations.notes)


def _png(path: Path, key: str, example: str) -> Path:
    if path.suffix.lower() != ".png" or path.is_dir():
        raise ValueError(f"Expected a PNG file for {key} but got {path}; give {example}.")
    return make_output_folder(path.parent) / path.name


def _anchors(backbone: Any, neck: Any, detector: Any, image_size: tuple[int, int]) -> tuple[AnchorShapes, AnchorGrid]:
    """The anchors of a detector, and where they lie."""
    node = detector
    if not isinstance(detector, Mapping):
        parts = {"backbone": backbone, "neck": neck, "detector": detector}
        asked = [
            each
            for name, part in parts.items()
            if part is not None
            for each in ([f"{name}={part}"] if isinstance(part, str) else part)
        ]
        node = composed("detector", asked, "data_show")
    parts = {key: value for key, value in node.items() if key != "backbone"}
    backbone = {key: None if key == "weights" else value for key, value in node["backbone"].items()}
    built = build({**parts, "backbone": backbone}, num_classes=1)
    grid = anchor_grid(built, image_size)
    return anchor_shapes(built.anchors, grid), grid


def _chart(annotations: PackedAnnotations, counted: BoxStatistics, title: str) -> Figure:
    sides = [anchor_sides(level, counted.input_size) for level in counted.anchors]
    boxes = counted.boxes.boxes
    at_input = BoxesAtInput(boxes[:, 2:] - boxes[:, :2], counted.boxes.labels, counted.matched, sides)
    return data_statistics(annotations.of_chosen_classes(), title, at_input)


def _pipeline(augment: Any, image_size: int | list[int]) -> Any:
    if callable(augment):
        return augment
    if not isinstance(augment, Mapping):
        asked = [f"augment={augment}"] if isinstance(augment, str) else list(augment)
        augment = composed("augment", [*asked, f"image_size={image_size}"], "data_show")
    return build(augment)


def _name(asked: Any, built: object) -> str:
    return asked if isinstance(asked, str) else type(built).__name__


def _chosen_classes(source: Any) -> str:
    chosen = getattr(source, "selection", None)
    if chosen is None or chosen.classes is None:
        return ""
    names = ",".join(chosen.classes)
    count = f"{len(chosen.classes)} of {len(source.all_class_names)}"
    return f" classes={names if len(names) <= _LONGEST_LIST else count}"


def _pair(
    sample: Sample, names: tuple[str, ...]
) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "h w 3"], tuple[str, str]]:
    """The image as it lies on disk, the sample as training gets it, and what stands above them."""
    after = _draw(sample.image.permute(1, 2, 0).numpy(), sample.boxes.numpy(), sample.labels.numpy(), names)
    captions = _caption(sample.annotation), f"→ {_boxes(len(sample.boxes))}"
    return _as_on_disk(sample.annotation, names), after, captions


def _as_on_disk(one: Annotation, names: tuple[str, ...]) -> UInt8[np.ndarray, "H W 3"]:
    """The whole image; difficult objects and crowd regions are labeled as such."""
    image = read_image(one.path, expected_size=(one.height, one.width))
    words = (*(f"{name} (difficult)" for name in names), *(f"{name} (crowd)" for name in names))
    first = np.select([one.crowd, one.difficult], [2 * len(names) + 1, len(names) + 1], 0)
    labels = np.where(one.labels == OTHER_CLASS, OTHER_CLASS, one.labels + first)
    return _draw(image, one.boxes, labels, names, words)


def _draw(
    image: UInt8[np.ndarray, "H W 3"],
    boxes: Float32[np.ndarray, "N 4"],
    labels: Int64[np.ndarray, " N"],
    names: tuple[str, ...],
    more_names: tuple[str, ...] = (),
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with its boxes; the label after those of the classes is that of ignored objects."""
    scale = _SIDE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    words = (*names, "ignored", *more_names)
    return draw_boxes(resized, boxes * scale, np.where(labels == OTHER_CLASS, len(names), labels), words)


def _caption(annotation: Annotation) -> str:
    name = printable(Path(annotation.path).name)
    shown = name if len(name) <= 20 else f"…{name[-19:]}"
    return f"{shown}  {annotation.width}×{annotation.height}, {_boxes(len(annotation.boxes))}"


def _boxes(count: int) -> str:
    return f"{count} box{'' if count == 1 else 'es'}"
