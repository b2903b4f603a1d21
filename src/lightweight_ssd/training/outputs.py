"""The files that a measured run leaves: results, detections, pictures."""

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
from lightweight_ssd.runs.environment import environment
from lightweight_ssd.runs.files import DETECTIONS_FILE, ENVIRONMENT_FILE, GROUND_TRUTH_FILE, PICTURES
from lightweight_ssd.runs.results import ClassMetrics, COCOClassMetrics, COCOMetrics, RunResults, SplitMetrics
from lightweight_ssd.runs.results_file import results_of, write_results
from lightweight_ssd.system.json_file import read_json
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

__all__ = [
    "record_results",
    "split_metrics",
    "write_data_pictures",
    "write_evaluation",
]


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
    pictures = folder / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    write_detections(folder / DETECTIONS_FILE, found, category_ids)
    write_ground_truth(folder / GROUND_TRUTH_FILE, annotations, result.class_names, category_ids)
    names, ap_50 = result.class_names, result.ap_50
    save(precision_recall_curves(result.curves, names, ap_50), pictures / "precision_recall.png")
    save(average_precision_bars(names, ap_50, result.objects), pictures / "average_precision.png")
    save(confusion_heat_map(result.confusion, names), pictures / "confusion_matrix.png")
    chosen = annotations[:: max(1, len(annotations) // max(1, gallery_images))][:gallery_images]
    if chosen:
        chosen = [known.of_chosen_classes() for known in chosen]
        images = [read_image(known.path, (known.height, known.width)) for known in chosen]
        detections = [found[known.image_id] for known in chosen]
        save(detection_gallery(images, chosen, detections, names), pictures / "detections.png")


def write_data_pictures(folder: Path, splits: dict[str, PackedAnnotations]) -> None:
    """Draws labels, box sizes and aspects of each split into `pictures/data_<split>.png`."""
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for split, annotations in splits.items():
        save(
            data_statistics(annotations.of_chosen_classes(), f"Objects of {split}"),
            folder / PICTURES / f"data_{split}.png",
        )


def record_results(
    run_dir: Path, split: str, metrics: SplitMetrics, config: dict[str, Any], about: dict[str, Any]
) -> RunResults:
    """Writes `results.json`.

    Args:
        run_dir: Folder to write into; its `environment.json`, where there is one, says what the run began with.
        split: `test` or `val`.
        metrics: Of that split.
        config: Resolved configuration.
        about: What else is known, by its name in `RunResults`.

    Returns:
        What was written.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    results = results_of(
        {
            split: metrics,
            "postprocess": config["detector"]["postprocess"],
            "seed": config["seed"],
            "experiment": config["experiment_name"],
            # As it was when the run began: the checkout may have moved on since.
            "environment": read_json(run_dir / ENVIRONMENT_FILE) or environment(),
            **about,
        }
    )
    write_results(run_dir, results)
    return results


def split_metrics(result: VOCResult, coco: COCOResult | None = None) -> SplitMetrics:
    """The metrics of a split as the results keep them, 0 to 1.

    Args:
        result: By VOC's rules.
        coco: By COCO's, where they were computed.
    """
    columns = (result.ap_50.tolist(), result.ap_50_11point.tolist(), result.ap_50_95.tolist(), result.objects.tolist())
    per_class = {name: ClassMetrics(*row) for name, *row in zip(result.class_names, *columns, strict=True)}
    return SplitMetrics(**result.scalars(), coco=_coco_metrics(coco) if coco else None, per_class=per_class)


def _coco_metrics(result: COCOResult) -> COCOMetrics:
    rows = zip(result.class_names, result.class_ap.tolist(), result.class_ap_50.tolist(), strict=True)
    return COCOMetrics(**result.scalars(), per_class={name: COCOClassMetrics(*row) for name, *row in rows})
