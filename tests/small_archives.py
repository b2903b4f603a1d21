"""VOC and COCO in archives laid out as the official ones, of a few images each."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from lightweight_ssd.data.formats.voc_devkit import write_split
from lightweight_ssd.types import Annotation

VOC_PARTS = {
    "trainval2007": ("VOCtrainval_06-Nov-2007.tar", "2007", {"train": ["000001"], "val": ["000002"]}),
    "test2007": ("VOCtest_06-Nov-2007.tar", "2007", {"test": ["000003"]}),
    "trainval2012": ("VOCtrainval_11-May-2012.tar", "2012", {"train": ["2008_000001"], "val": ["2008_000002"]}),
}
COCO_PARTS = {
    "annotations": "annotations_trainval2017.zip",
    "val2017": "val2017.zip",
    "train2017": "train2017.zip",
}


def voc_archives(folder: Path) -> dict[str, bytes]:
    """Each part's archive by its path on a server."""
    return {f"/{name}": _voc(folder / part, year, splits) for part, (name, year, splits) in VOC_PARTS.items()}


def coco_archives() -> dict[str, bytes]:
    """Each part's archive by its path on a server."""
    parts: dict[str, dict[str, bytes]] = {part: {} for part in COCO_PARTS}
    for number, split in enumerate(("train2017", "val2017"), start=1):
        image = {"id": number, "file_name": f"{number:012}.jpg", "height": 30, "width": 40}
        box = {"id": 1, "image_id": number, "category_id": 18, "bbox": [5, 5, 20, 10], "area": 150, "iscrowd": 0}
        content = {"images": [image], "annotations": [box], "categories": [{"id": 18, "name": "dog"}]}
        parts["annotations"][f"annotations/instances_{split}.json"] = json.dumps(content).encode()
        parts[split][f"{split}/{number:012}.jpg"] = _jpeg()
    return {f"/{COCO_PARTS[part]}": _zip(files) for part, files in parts.items()}


def config_values(url: str, served: dict[str, bytes]) -> list[str]:
    """Overrides that make the configuration mean these archives: address, size and digests.

    Args:
        url: What stands before each path.
        served: Archive by path, of all parts of one data set.
    """
    parts = {**{part: name for part, (name, _, _) in VOC_PARTS.items()}, **COCO_PARTS}
    values = []
    for part, content in ((part, served[f"/{name}"]) for part, name in parts.items() if f"/{name}" in served):
        facts = {
            "url": f"'{url}/{parts[part]}'",
            "size": len(content),
            "md5": f"'{hashlib.md5(content).hexdigest()}'",
            "sha256": f"'{hashlib.sha256(content).hexdigest()}'",
            "unpacked": 10 * len(content),
        }
        values += [f"download.archives.{part}.{key}={value}" for key, value in facts.items()]
    return values


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


def _voc(folder: Path, year: str, splits: dict[str, list[str]]) -> bytes:
    devkit = folder / "VOCdevkit"
    if "train" in splits:
        splits = {**splits, "trainval": [name for names in splits.values() for name in names]}
    for split, names in splits.items():
        annotations = [_annotation(row, name) for row, name in enumerate(names, start=1)]
        write_split(devkit, year, split, annotations, ["dog"])
        for name in names:
            (devkit / f"VOC{year}" / "JPEGImages" / f"{name}.jpg").write_bytes(_jpeg())
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(devkit, "VOCdevkit")
    return file.getvalue()


def _annotation(image_id: int, name: str) -> Annotation:
    boxes = np.array([[5, 5, 25, 15]], dtype=np.float32)
    return Annotation.of_boxes(image_id, f"{name}.jpg", 30, 40, boxes, np.zeros(1, dtype=np.int64))


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()
