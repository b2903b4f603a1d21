"""Detections and ground truth as COCO JSON, so that any viewer or evaluation tool can read a run.

Boxes are written with three decimals: a thousandth of a pixel moves the IoU of a 10-pixel box by about 2e-4, and the
files stay a third smaller. Scores keep nine significant digits, all that float32 has, since equal scores change the
order of detections and with it the average precision.

`difficult` has no place in COCO's format. It is kept as a key of its own and as `ignore`, which some tools honour;
pycocotools honours neither, so its figures count difficult objects as ordinary ones. Crowds are `iscrowd`, and `area`
is what the data's own file says: of the mask where there is one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lightweight_ssd.system.atomic_write import write_atomic
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation, xyxy_to_xywh

__all__ = ["read_detections", "read_instances", "write_detections", "write_ground_truth"]


def write_detections(
    path: str | Path, detections: Mapping[int, Detections], category_ids: Sequence[int] | None = None
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
        annotations: Annotations of a split.
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
        objects.extend(_objects(annotation, ids, first_id=len(objects) + 1))
    categories = [{"id": int(number), "name": name} for number, name in zip(ids, class_names, strict=True)]
    _write(path, {"images": images, "annotations": objects, "categories": categories})


def read_detections(
    path: str | Path, image_ids: Iterable[int], category_ids: Sequence[int] | None = None
) -> dict[int, Detections]:
    """Reads a COCO results file back.

    Args:
        path: COCO results file.
        image_ids: Images of the split: the file does not name those in which nothing was found.
        category_ids: Id of each label; without it, label + 1.

    Returns:
        By image id, one entry for each of `image_ids`; CPU tensors, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no results file, or has an image or a category that is not expected.
    """
    entries = _load_results(Path(path))
    rows: dict[int, list[tuple[list[float], float, int]]] = {int(image_id): [] for image_id in image_ids}
    label_of = None if category_ids is None else {number: label for label, number in enumerate(category_ids)}
    for entry in entries:
        image_id, category = entry["image_id"], entry["category_id"]
        label = category - 1 if label_of is None else label_of.get(category, -1)
        if image_id not in rows or label < 0:
            raise ValueError(
                f"Expected detections of this split's images and classes in {path} but got image_id {image_id} with "
                f"category_id {category}; check that the file belongs to the split and the category ids to the data."
            )
        rows[image_id].append((entry["bbox"], entry["score"], label))
    return {image_id: _detections(found) for image_id, found in rows.items()}


def read_instances(path: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Reads a COCO instances file as it stands: `images`, `annotations` and `categories`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no instances file.
    """
    content, keys = _load(Path(path), "instances"), {"images", "annotations", "categories"}
    if not isinstance(content, dict) or not keys <= content.keys():
        raise ValueError(
            f"Expected an object with {', '.join(sorted(keys))} in {path} but got something else; "
            "pass a COCO instances file, not a results file."
        )
    return content


def _rows(image_id: int, found: Detections, category_ids: Sequence[int] | None) -> list[dict]:
    boxes = xyxy_to_xywh(found.boxes.detach().float().cpu().numpy()).round(3).tolist()
    scores = (float(f"{score:.9g}") for score in found.scores.tolist())
    labels = (label + 1 if category_ids is None else int(category_ids[label]) for label in found.labels.tolist())
    return [
        {"image_id": int(image_id), "category_id": category, "bbox": box, "score": score}
        for category, box, score in zip(labels, boxes, scores, strict=True)
    ]


def _objects(annotation: Annotation, category_ids: list[int], first_id: int) -> list[dict]:
    boxes = xyxy_to_xywh(annotation.boxes).round(3).tolist()
    others = (annotation.labels, annotation.areas, annotation.crowd, annotation.difficult)
    columns = zip(boxes, *(column.tolist() for column in others), strict=True)
    return [
        {
            "id": first_id + place,
            "image_id": int(annotation.image_id),
            "category_id": int(category_ids[label]),
            "bbox": box,
            "area": round(area, 3),
            "iscrowd": int(crowd),
            "ignore": int(difficult),
            "difficult": int(difficult),
        }
        for place, (box, label, area, crowd, difficult) in enumerate(columns)
    ]


def _detections(rows: list[tuple[list[float], float, int]]) -> Detections:
    boxes = torch.tensor([box for box, _, _ in rows], dtype=torch.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    scores = torch.tensor([score for _, score, _ in rows], dtype=torch.float32)
    labels = torch.tensor([label for _, _, label in rows], dtype=torch.int64)
    return Detections(boxes.float(), scores, labels)


def _load_results(path: Path) -> list[dict[str, Any]]:
    entries = _load(path, "results")
    keys = {"image_id", "category_id", "bbox", "score"}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and keys <= entry.keys() for entry in entries):
        raise ValueError(
            f"Expected a list of entries with {', '.join(sorted(keys))} in {path} but got something else; "
            "pass a COCO results file, not an instances file."
        )
    return entries


def _load(path: Path, kind: str) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a COCO {kind} file but there is none at {path}; evaluate a checkpoint first."
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
