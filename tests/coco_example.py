"""A small data set in COCO's format, as a document to change and as files."""

import json
from pathlib import Path
from typing import Any

IMAGES = {42: "a.jpg", 7: "b.jpg", 1000: "more/c.png"}


def document() -> dict[str, Any]:
    """Three images and five objects; ids have gaps, and stand in no order."""

    def entry(number: int, image_id: int, category_id: int, *bbox: float, **more: object) -> dict[str, Any]:
        polygon = [[bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1], bbox[0], bbox[1] + bbox[3]]]
        area = bbox[2] * bbox[3] / 2
        return {
            "id": number, "image_id": image_id, "category_id": category_id, "bbox": list(bbox), "area": area,
            "iscrowd": 0, "segmentation": polygon, **more,
        }  # fmt: skip

    return {
        "info": {"year": 2017},
        "images": [
            {"id": number, "file_name": name, "width": 100, "height": 80, "license": 3}
            for number, name in IMAGES.items()
        ],
        "annotations": [
            entry(11, 7, 18, 10, 20, 30, 40),
            entry(12, 42, 3, 0.5, 0.25, 99.5, 79.75),
            entry(15, 7, 3, 50, 10, 20, 20, iscrowd=1, segmentation={"counts": [1, 2, 3], "size": [80, 100]}),
            entry(13, 1000, 90, 5.13, 6.27, 7.91, 8.04),
            entry(14, 42, 18, 1, 2, 3, 4, difficult=1),
        ],
        "categories": [
            {"id": 90, "name": "toothbrush", "supercategory": "indoor"},
            {"id": 3, "name": "car", "supercategory": "vehicle"},
            {"id": 18, "name": "dog", "supercategory": "animal"},
        ],
    }


def write(root: Path, content: object, name: str = "train.json") -> Path:
    """Writes an instances file (or these bytes) and empty image files: annotations never open them."""
    for image in IMAGES.values():
        path = root / "images" / image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    file = root / name
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file
