"""Small data sets in VOC's and COCO's format, and one way to break them for each kind of problem."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from lightweight_ssd.data.checks.problems import Kind
from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.voc import VOC

SPLITS = {"train": ["a", "b", "c"], "val": ["d", "e"], "test": ["f", "g"]}
SIZE = (60, 80)  # of every image; height, width
OBJECT = (
    "<object><name>cat</name><difficult>0</difficult>"
    "<bndbox><xmin>6</xmin><ymin>6</ymin><xmax>40</xmax><ymax>50</ymax></bndbox></object>"
)
XML = "<annotation><size><width>80</width><height>60</height><depth>3</depth></size>\n" + OBJECT + "</annotation>"


def jpeg(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """A JPEG of noise, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


def voc(root: Path, on_bad: str = "error") -> VOC:
    """A devkit with three images in training, two each in validation and test; an existing one is taken as it is."""
    year = root / "VOC2007"
    if not year.is_dir():
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (year / folder).mkdir(parents=True)
        for split, names in SPLITS.items():
            (year / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
            for name in names:
                (year / "JPEGImages" / f"{name}.jpg").write_bytes(jpeg(ord(name)))
                (year / "Annotations" / f"{name}.xml").write_text(XML)
    unions = [{"2007": split} for split in SPLITS]
    return VOC(root, ["cat", "dog"], *unions, on_bad=on_bad, cache_dir=root / "cache", origin=1)


def coco(root: Path, on_bad: str = "error", drop_empty_boxes: bool = True) -> COCO:
    """The same images in COCO's format."""
    if not (root / "images").is_dir():
        (root / "images").mkdir(parents=True)
        for split, names in SPLITS.items():
            for name in names:
                (root / "images" / f"{name}.jpg").write_bytes(jpeg(ord(name)))
            images = [{"id": ord(one), "file_name": f"{one}.jpg", "width": 80, "height": 60} for one in names]
            objects = [
                {"id": ord(one), "image_id": ord(one), "category_id": 3, "bbox": [5, 5, 35, 45], "area": 1575}
                for one in names
            ]
            categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
            file = {"images": images, "annotations": objects, "categories": categories}
            (root / f"{split}.json").write_text(json.dumps(file))
    parts = [{"annotations": f"{split}.json", "images": "images"} for split in SPLITS]
    return COCO(root, *parts, drop_empty_boxes=drop_empty_boxes, on_bad=on_bad, cache_dir=root / "cache")


def _xml(before: str, after: str) -> Callable[[Path], object]:
    path = "VOC2007/Annotations/b.xml"
    assert before in XML
    return lambda root: (root / path).write_text(XML.replace(before, after))


def _voc_list(text: str, split: str = "train") -> Callable[[Path], object]:
    return lambda root: (root / f"VOC2007/ImageSets/Main/{split}.txt").write_text(text)


VOC_CASES: dict[str, tuple[Kind, Callable[[Path], object]]] = {
    "no list": (Kind.MISSING_SPLIT, lambda root: (root / "VOC2007/ImageSets/Main/val.txt").unlink()),
    "empty list": (Kind.EMPTY_SPLIT, _voc_list("\n\n")),
    "listed twice": (Kind.DUPLICATE_IMAGE, _voc_list("a\nb\na\nc")),
    "no xml": (
        Kind.MISSING_SPLIT,
        lambda root: [(root / f"VOC2007/Annotations/{name}.xml").unlink() for name in SPLITS["train"]],
    ),
    "cut xml": (Kind.MALFORMED, _xml("</annotation>", "")),
    "odd area": (Kind.MALFORMED, _xml("<bndbox>", "<area>-4</area><bndbox>")),
    "odd number": (Kind.BOX_NOT_NUMBERS, _xml("<xmax>40", "<xmax>4_0")),
    "entities": (Kind.DOCUMENT_TYPE, _xml("<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>')),
    "no size": (Kind.NO_SIZE, _xml("<width>80", "<width>-80")),
    "class": (Kind.UNKNOWN_CLASS, _xml("cat", "catt")),
    "flag": (Kind.WRONG_FLAG, _xml("<difficult>0", "<difficult>maybe")),
    "nan": (Kind.BOX_NOT_NUMBERS, _xml("<xmin>6", "<xmin>nan")),
    "inverted": (Kind.BOX_INVERTED, _xml("<xmax>40", "<xmax>3")),
    "no area": (Kind.BOX_WITHOUT_AREA, _xml("<xmax>40", "<xmax>5")),
    "outside": (Kind.BOX_OUTSIDE, _xml("<xmax>40", "<xmax>90")),
    "no image": (Kind.MISSING_IMAGE, lambda root: (root / "VOC2007/JPEGImages/b.jpg").unlink()),
    "difficult": (
        Kind.NO_OBJECTS,
        lambda root: [
            (root / f"VOC2007/Annotations/{name}.xml").write_text(XML.replace("<difficult>0", "<difficult>1"))
            for name in SPLITS["val"]
        ],
    ),
}


def _json(change: Callable[[dict[str, Any]], object], split: str = "train") -> Callable[[Path], object]:
    def write(root: Path) -> None:
        file = json.loads((root / f"{split}.json").read_text())
        change(file)
        (root / f"{split}.json").write_text(json.dumps(file))

    return write


def _object(**values: Any) -> Callable[[Path], object]:
    return _json(lambda file: file["annotations"][1].update(values))


COCO_CASES: dict[str, tuple[Kind, Callable[[Path], object]]] = {
    "no file": (Kind.MISSING_SPLIT, lambda root: (root / "val.json").unlink()),
    "cut file": (Kind.MALFORMED_FILE, lambda root: (root / "val.json").write_text('{"images": [')),
    "too deep": (Kind.MALFORMED_FILE, lambda root: (root / "val.json").write_text("[" * 100_000)),
    "no images": (Kind.EMPTY_SPLIT, _json(lambda file: file.update(images=[], annotations=[]))),
    "same id": (
        Kind.DUPLICATE_ID,
        _json(lambda file: (file["annotations"].pop(1), file["images"][1].update(id=ord("a")))),
    ),
    "same name": (Kind.DUPLICATE_IMAGE, _json(lambda file: file["images"][1].update(file_name="a.jpg"))),
    "no such image": (Kind.UNKNOWN_IMAGE, _object(image_id=12345)),
    "entry": (Kind.MALFORMED, _json(lambda file: file["images"][1].update(width="wide"))),
    "class": (Kind.UNKNOWN_CLASS, _object(category_id=4)),
    "nan": (Kind.BOX_NOT_NUMBERS, _object(bbox=[5, float("nan"), 9, 9])),
    "three numbers": (Kind.BOX_NOT_NUMBERS, _object(bbox=[5, 9, 9])),
    "inverted": (Kind.BOX_INVERTED, _object(bbox=[50, 5, -9, 9])),
    "outside": (Kind.BOX_OUTSIDE, _object(bbox=[50, 5, 35, 9])),
    "no image": (Kind.MISSING_IMAGE, lambda root: (root / "images/b.jpg").unlink()),
    "other categories": (
        Kind.UNKNOWN_CLASS,
        _json(
            lambda file: (
                file["categories"].append({"id": 9, "name": "fox"}),
                file["annotations"][0].update(category_id=9),
            ),
            "test",
        ),
    ),
    "crowds": (
        Kind.NO_OBJECTS,
        _json(lambda file: [one.update(iscrowd=1) for one in file["annotations"]], "test"),
    ),
}


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rotated(orientation: int, size: tuple[int, int] = SIZE) -> bytes:
    """A JPEG that viewers turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _saved(Image.new("RGB", size[::-1], "red"), "JPEG", exif=exif)


def damaged(seed: int = 1) -> bytes:
    """A JPEG with a gap in its pixels, which decodes all the same."""
    data = bytearray(jpeg(seed))
    middle = len(data) // 2
    data[middle : middle + 100] = bytes(100)
    return bytes(data)


# What takes the place of an image: errors, and notes.
IMAGE_CASES: dict[str, tuple[Kind, bytes]] = {
    "empty": (Kind.UNREADABLE_IMAGE, b""),
    "text": (Kind.UNREADABLE_IMAGE, b"<html>404</html>"),
    "cut JPEG": (Kind.TRUNCATED_IMAGE, jpeg(1)[:900]),
    "cut PNG": (Kind.TRUNCATED_IMAGE, _saved(Image.new("RGB", (80, 60)), "PNG")[:-12]),
    "cut BMP": (Kind.UNREADABLE_IMAGE, _saved(Image.new("RGB", (80, 60)), "BMP")[:500]),
    "other size": (Kind.OTHER_SIZE, jpeg(1, (60, 60))),
    "other size, turned": (Kind.OTHER_SIZE, rotated(6, (90, 60))),
    "turned as annotated": (Kind.ROTATED, rotated(6, (80, 60))),
    "stored as annotated": (Kind.ROTATED, rotated(8)),
    "gray": (Kind.GRAYSCALE, _saved(Image.new("L", (80, 60), 7), "JPEG")),
    "CMYK": (Kind.CMYK, _saved(Image.new("CMYK", (80, 60)), "JPEG")),
    "16 bits": (Kind.SIXTEEN_BITS, cv2.imencode(".png", np.zeros((60, 80, 3), np.uint16))[1].tobytes()),
    "16 bits, gray": (Kind.SIXTEEN_BITS, cv2.imencode(".png", np.zeros((60, 80), np.uint16))[1].tobytes()),
}
