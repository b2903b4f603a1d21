"""Detections and ground truth as COCO JSON, so that any viewer or evaluation tool can read a run.

pycocotools gives the COCO metrics of `results.json` for these files. Three things see to that:

- Boxes and areas are written with three decimals, and `metrics/coco` reads them rounded in the same way, as COCO's own
  server reads what is handed in. A thousandth of a pixel moves the IoU of a 10-pixel box by about 2e-4, so the VOC
  metrics, which see unrounded boxes, differ from those of the files in the fifth decimal at most.
- Scores keep nine significant digits, all that float32 has, since equal scores change the order of detections.
- COCO has no difficult objects, and its tool overwrites `ignore`. It does ignore, with the ordinary IoU, an object
  whose area is outside the range asked for; so `area` of a difficult object is beyond all ranges, and its real area is
  kept as `true_area`. As a crowd (`iscrowd`) it would be matched by another IoU, and by any number of detections.

Other areas are what the data's own file says: of the mask where there is one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Float32, Int64

from lightweight_ssd.data.formats.json_decode import decode_file
from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.types import FILE_DECIMALS, IGNORED_AREA, Annotation, xywh_to_xyxy, xyxy_to_xywh

if TYPE_CHECKING:  # whoever has detections to write has loaded PyTorch, and whoever reads them does without
    from lightweight_ssd.tensor_types import Detections

__all__ = ["ResultColumns", "read_detections", "read_instances", "write_detections", "write_ground_truth"]


class ResultColumns(NamedTuple):
    """The detections of a results file, one row each.

    Attributes:
        image_ids: As the file has them.
        labels: Class index, from 0.
        scores: 0 to 1.
        boxes: xyxy, pixels of the image file.
    """

    image_ids: Int64[np.ndarray, " D"]
    labels: Int64[np.ndarray, " D"]
    scores: Float32[np.ndarray, " D"]
    boxes: Float32[np.ndarray, "D 4"]


class _Result(msgspec.Struct):
    """An entry of a results file; what else it holds is passed over."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    score: float


def write_detections(
    path: str | Path, detections: "Mapping[int, Detections]", category_ids: Sequence[int] | None = None
) -> None:
    """Writes a COCO results file: one entry per detection, boxes as xywh.

    Args:
        path: File to write; it appears complete or not at all.
        detections: By image id, boxes in pixels of the image file.
        category_ids: Id of each label where ids have gaps, as COCO's own do; without it, label + 1.

    Raises:
        NotWritten: The disk is full or cannot be written; what the file held before is untouched.
    """
    _write(path, [row for image_id, found in detections.items() for row in _rows(image_id, found, category_ids)])


def write_ground_truth(
    path: str | Path,
    annotations: Iterable[Annotation],
    class_names: Sequence[str],
    category_ids: Sequence[int] | None = None,
) -> None:
    """Writes a COCO instances file that names images by file name; `path` says where each lay when it was written.

    Args:
        path: File to write; it appears complete or not at all.
        annotations: Annotations of a split; what is to be ignored in all classes is written once for each.
        class_names: Names in the order of the labels.
        category_ids: Id of each label; without it, label + 1.

    Raises:
        ValueError: If there is not one category id per class name.
        NotWritten: As `write_detections`.
    """
    ids = list(range(1, len(class_names) + 1)) if category_ids is None else list(category_ids)
    if len(ids) != len(class_names):
        raise ValueError(
            f"Expected one category id per class name but got {len(ids)} ids for {len(class_names)} names; "
            "pass the ids in the order of the names."
        )
    images, objects = [], []
    for annotation in annotations:
        name = Path(annotation.path).name
        size = {"width": int(annotation.width), "height": int(annotation.height)}
        place = str(Path(annotation.path).absolute())
        images.append({"id": int(annotation.image_id), "file_name": name, "path": place, **size})
        objects.extend(_objects(annotation.in_every_class(len(ids)), ids, first_id=len(objects) + 1))
    categories = [{"id": int(number), "name": name} for number, name in zip(ids, class_names, strict=True)]
    _write(path, {"images": images, "annotations": objects, "categories": categories})


def read_detections(
    path: str | Path, image_ids: Iterable[int], category_ids: Sequence[int] | None = None
) -> ResultColumns:
    """Reads a COCO results file back.

    Args:
        path: COCO results file.
        image_ids: Images of the split: the file does not name those in which nothing was found.
        category_ids: Id of each label; without it, label + 1.

    Returns:
        One row for each detection, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no results file, or has an image or a category that is not expected.
    """
    entries = decode_file(
        Path(path), list[_Result], "a COCO results file", "image_id, category_id, bbox and score of each detection",
        "evaluate a checkpoint first", "pass a results file, not an instances file, or evaluate the checkpoint again",
    )  # fmt: skip
    images = np.array([entry.image_id for entry in entries], np.int64)
    categories = np.array([entry.category_id for entry in entries], np.int64)
    labels = categories - 1 if category_ids is None else _labels(categories, category_ids)
    unknown = ~np.isin(images, np.array([*image_ids], np.int64)) | (labels < 0)
    if unknown.any():
        place = unknown.argmax()
        raise ValueError(
            f"Expected detections of this split's images and classes in {path} but got image_id {images[place]} with "
            f"category_id {categories[place]}; check that the file belongs to the split and the category ids to the "
            "data."
        )
    boxes = xywh_to_xyxy(np.array([entry.bbox for entry in entries], np.float64).reshape(-1, 4))
    scores = np.array([entry.score for entry in entries], np.float32)
    return ResultColumns(images, labels, scores, boxes.astype(np.float32))


def _labels(categories: Int64[np.ndarray, " D"], category_ids: Sequence[int]) -> Int64[np.ndarray, " D"]:
    """The label of each category, -1 for one that is not known."""
    if not category_ids:
        return np.full(len(categories), -1)
    ids = np.array(category_ids, np.int64)
    order = np.argsort(ids)
    places = order[np.searchsorted(ids, categories, sorter=order).clip(max=len(ids) - 1)]
    return np.where(ids[places] == categories, places, -1)


def read_instances(path: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Reads a COCO instances file as it stands: `images`, `annotations` and `categories`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no instances file.
    """
    content, keys = _load(Path(path)), {"images", "annotations", "categories"}
    if not isinstance(content, dict) or not keys <= content.keys():
        raise ValueError(
            f"Expected an object with {', '.join(sorted(keys))} in {path} but got something else; "
            "pass a COCO instances file, not a results file."
        )
    return content


def _rows(image_id: int, found: "Detections", category_ids: Sequence[int] | None) -> list[dict]:
    boxes = xyxy_to_xywh(found.boxes.detach().float().cpu().numpy()).round(FILE_DECIMALS).tolist()
    scores = (float(f"{score:.9g}") for score in found.scores.tolist())
    labels = (label + 1 if category_ids is None else int(category_ids[label]) for label in found.labels.tolist())
    return [
        {"image_id": int(image_id), "category_id": category, "bbox": box, "score": score}
        for category, box, score in zip(labels, boxes, scores, strict=True)
    ]


def _objects(annotation: Annotation, category_ids: list[int], first_id: int) -> list[dict]:
    boxes = xyxy_to_xywh(annotation.boxes).round(FILE_DECIMALS).tolist()
    areas = annotation.areas.astype(np.float64).round(FILE_DECIMALS)
    ranked = np.where(annotation.difficult & ~annotation.crowd, IGNORED_AREA, areas)
    others = (annotation.labels, ranked, areas, annotation.crowd, annotation.difficult)
    columns = zip(boxes, *(column.tolist() for column in others), strict=True)
    return [
        {
            "id": first_id + place,
            "image_id": int(annotation.image_id),
            "category_id": int(category_ids[label]),
            "bbox": box,
            "area": area,
            "iscrowd": int(crowd),
            "ignore": int(difficult),
            "difficult": int(difficult),
            **({} if area == true_area else {"true_area": true_area}),
        }
        for place, (box, label, area, true_area, crowd, difficult) in enumerate(columns)
    ]


def _load(path: Path) -> Any:
    """By Python's own reader: it takes file names that are not UTF-8, which msgspec refuses."""
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a COCO instances file at {path}, but there is no such file: evaluate a checkpoint first."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"Expected JSON in {path} but got {error}; evaluate the checkpoint again.") from error


def _write(path: str | Path, content: object) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # ASCII alone, since a file name that is not UTF-8 has no other place in JSON
    write_atomic(path, json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode(), shared=True)
