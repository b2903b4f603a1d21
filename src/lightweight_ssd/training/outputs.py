"""The files that a measured run leaves: figures, detections, pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightweight_ssd.data.formats.coco_results import write_detections, write_ground_truth
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.metrics.coco import COCOResult
from lightweight_ssd.metrics.voc import VOCResult
from lightweight_ssd.plots.curves import average_precision_bars, confusion_heat_map, precision_recall_curves
from lightweight_ssd.plots.data_statistics import data_statistics
from lightweight_ssd.plots.detections import detection_gallery
from lightweight_ssd.plots.style import save
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

__all__ = [
    "DETECTIONS_FILE",
    "GRAY_DETECTIONS_FILE",
    "GROUND_TRUTH_FILE",
    "result_figures",
    "write_data_pictures",
    "write_evaluation",
]

DETECTIONS_FILE = "detections.json"
GRAY_DETECTIONS_FILE = "detections_gray.json"
GROUND_TRUTH_FILE = "ground_truth.json"


def write_evaluation(
    folder: Path,
    annotations: list[Annotation],
    found: dict[int, Detections],
    result: VOCResult,
    gallery_images: int,
    category_ids: Sequence[int],
) -> None:
    """Writes detections, ground truth and pictures of a measured split.

    Args:
        folder: Made where missing; pictures go into `pictures/`.
        annotations: Of the split; images that were skipped, and so not measured, are left out of everything.
        found: Detections by image id, boxes in pixels of the image files.
        result: What the metric made of them.
        gallery_images: Images drawn with their detections, spread evenly over the split.
        category_ids: Id of each label in the data's own files.
    """
    annotations = [known for known in annotations if known.image_id in found]
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    write_detections(folder / DETECTIONS_FILE, found, category_ids)
    write_ground_truth(folder / GROUND_TRUTH_FILE, annotations, result.class_names, category_ids)
    names, ap_50 = result.class_names, result.ap_50
    save(precision_recall_curves(result.curves, names, ap_50), pictures / "precision_recall.png")
    save(average_precision_bars(names, ap_50, result.objects), pictures / "average_precision.png")
    save(confusion_heat_map(result.confusion, names), pictures / "confusion_matrix.png")
    chosen = annotations[:: max(1, len(annotations) // max(1, gallery_images))][:gallery_images]
    if chosen:
        images = [read_image(known.path, (known.height, known.width)) for known in chosen]
        detections = [found[known.image_id] for known in chosen]
        save(detection_gallery(images, chosen, detections, names), pictures / "detections.png")


def write_data_pictures(folder: Path, splits: dict[str, PackedAnnotations]) -> None:
    """Draws labels, box sizes and aspects of each split into `pictures/data_<split>.png`."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for split, annotations in splits.items():
        save(data_statistics(annotations, f"Objects of {split}"), folder / "pictures" / f"data_{split}.png")


def result_figures(result: VOCResult, coco: COCOResult | None = None) -> dict[str, Any]:
    """The figures of a split as JSON holds them; shares from 0 to 1, null for a class without objects.

    Args:
        result: By VOC's rules.
        coco: By COCO's, where they were computed; they stand under `coco`.
    """
    per_class = zip(
        result.class_names, result.ap_50, result.ap_50_11point, result.ap_50_95, result.objects, strict=True
    )
    return {
        **result.scalars(),
        **({"coco": _coco_figures(coco)} if coco else {}),
        "per_class": {
            name: {"ap_50": float(area), "ap_50_11point": float(eleven), "ap_50_95": float(over), "objects": int(count)}
            for name, area, eleven, over, count in per_class
        },
    }


def _coco_figures(result: COCOResult) -> dict[str, Any]:
    rows = zip(result.class_names, result.class_ap, result.class_ap_50, strict=True)
    per_class = {name: {"ap": float(over), "ap_50": float(at_50)} for name, over, at_50 in rows}
    return {**result.scalars(), "per_class": per_class}
