"""The same three small pictures with three objects, as the formats and layouts of tools have them."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

SIZES = {"a": (100, 80), "b": (64, 48), "c": (90, 70)}  # width, height; c has no objects
BOXES = {  # edges of pixels, from 0
    "a": [("cat", 10.0, 12.0, 40.0, 33.0), ("dog", 0.0, 0.0, 20.0, 15.0)],
    "b": [("dog", 5.0, 6.0, 55.0, 48.0)],
    "c": [],
}
NAMES = ("cat", "dog")


def picture(path: Path, name: str, seed: int = 0) -> None:
    """Noise of the picture's size, another one for each seed."""
    width, height = SIZES[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, ord(name)]).integers(0, 255, (height, width, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, noise)[1].tobytes())


def text(path: Path, content: str) -> Path:
    """Writes a file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def labels(name: str, names: Sequence[str] = NAMES) -> str:
    """The picture's objects as lines of YOLO's format."""
    width, height = SIZES[name]
    lines = []
    for label, x0, y0, x1, y1 in BOXES[name]:
        values = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
        lines.append(" ".join([str(names.index(label)), *(f"{value:.6f}" for value in values)]))
    return "".join(f"{line}\n" for line in lines)


def xml(name: str, suffix: str = ".png", size: bool = True) -> str:
    """The picture's objects in VOC's format, counted from 1."""
    width, height = SIZES[name]
    shape = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>" if size else ""
    objects = "".join(
        f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x0 + 1:g}</xmin><ymin>{y0 + 1:g}</ymin>"
        f"<xmax>{x1:g}</xmax><ymax>{y1:g}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1 in BOXES[name]
    )
    return f"<annotation><filename>{name}{suffix}</filename>{shape}{objects}</annotation>"


def coco(
    images: Sequence[str] = ("a", "b", "c"),
    categories: Sequence[tuple[int, str]] = ((1, "cat"), (2, "dog")),
    before: str = "",
    suffix: str = ".png",
) -> str:
    """An instances file of some of the pictures."""
    number, annotations = {name: at for at, name in categories}, []
    for place, name in enumerate(images, start=1):
        for label, x0, y0, x1, y1 in BOXES[name]:
            box = [x0, y0, x1 - x0, y1 - y0]
            entry = {"id": len(annotations) + 1, "image_id": place, "category_id": number[label], "bbox": box}
            annotations.append({**entry, "area": box[2] * box[3], "iscrowd": 0})
    files = [
        {"id": place, "file_name": f"{before}{name}{suffix}", "width": SIZES[name][0], "height": SIZES[name][1]}
        for place, name in enumerate(images, start=1)
    ]
    known = [{"id": at, "name": name, "supercategory": "none"} for at, name in categories]
    return json.dumps({"images": files, "annotations": annotations, "categories": known})


def yolo_files(root: Path, images: str = "images", folder: str = "labels", empty: bool = False, seed: int = 0) -> None:
    """Pictures and labels in two folders; without `empty` the picture without objects has no label file."""
    for name in SIZES:
        picture(root / images / f"{name}.png", name, seed)
        if BOXES[name] or empty:
            text(root / folder / f"{name}.txt", labels(name))


def voc_files(root: Path, images: str, folder: str, empty: bool = True, seed: int = 0, size: bool = True) -> None:
    """Pictures and XML in two folders, which may be the same."""
    for name in SIZES:
        picture(root / images / f"{name}.png", name, seed)
        if BOXES[name] or empty:
            text(root / folder / f"{name}.xml", xml(name, size=size))


def coco_files(root: Path, images: str, file: str, before: str = "", seed: int = 0) -> None:
    """Pictures in a folder and an instances file of them."""
    for name in SIZES:
        picture(root / images / before / f"{name}.png", name, seed)
    text(root / file, coco(before=before))


def expected(name: str) -> list[list[float]]:
    """The boxes of a picture."""
    return [list(box) for _, *box in BOXES[name]]
