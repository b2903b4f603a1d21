"""Instances files of any size that are as costly to read as COCO's: polygons, gaps in the ids, one large folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Int64

__all__ = ["GeneratedCoco", "generate_coco"]

_OBJECTS_PER_IMAGE = 860 / 118  # COCO 2017 train has 860,001 of 118,287
_CATEGORY_IDS = [*range(1, 12), *range(13, 26), *range(27, 93, 2), *range(28, 74, 2)]  # 80 ids with gaps, as COCO's
_WIDTH, _HEIGHT = 40, 30  # small, since reading annotations is measured, not decoding
_LINKS_PER_FILE = 50_000  # file systems limit the number of links to one file
_POLYGONS = 1000  # different polygons, whose texts are repeated
_OBJECTS_AT_ONCE = 50_000


class GeneratedCoco(NamedTuple):
    """Paths of a generated data set, and its numbers of images and objects."""

    annotations: Path
    images: Path
    image_count: int
    object_count: int


def generate_coco(folder: Path, images: int, points: int = 22, seed: int = 0) -> GeneratedCoco:
    """Writes an instances file and a folder of small JPEGs, which are hard links to a few files.

    Args:
        folder: Folder, created where it does not exist.
        images: Number of images; 118,000 have 860,000 objects.
        points: Corners of an object's polygon, on average; 22 makes the file as large as COCO's.
        seed: Seed of boxes and polygons.
    """
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    ids = np.cumsum(rng.integers(1, 9, images))
    counts = rng.multinomial(round(images * _OBJECTS_PER_IMAGE), np.full(images, 1 / images))
    _write_images(folder / "images", ids.tolist(), rng)
    path = folder / "instances.json"
    _write_instances(path, ids, counts, points, rng)
    return GeneratedCoco(path, folder / "images", images, int(counts.sum()))


def _write_images(folder: Path, ids: list[int], rng: np.random.Generator) -> None:
    source = ""
    for row, number in enumerate(ids):
        path = str(folder / f"{number:012d}.jpg")
        if row % _LINKS_PER_FILE == 0:
            source = path
            cv2.imwrite(path, rng.integers(0, 255, (_HEIGHT, _WIDTH, 3), np.uint8))
        else:
            os.link(source, path)


def _write_instances(
    path: Path, ids: Int64[np.ndarray, " N"], counts: Int64[np.ndarray, " N"], points: int, rng: np.random.Generator
) -> None:
    polygons = [_polygon(rng, points) for _ in range(_POLYGONS)]
    categories = ",".join(f'{{"supercategory":"thing","id":{one},"name":"class {one}"}}' for one in _CATEGORY_IDS)
    with path.open("w") as file:
        file.write('{"info":{"year":2017},"images":[')
        file.writelines(
            f'{"," if row else ""}{{"license":3,"file_name":"{number:012d}.jpg",'
            f'"coco_url":"http://images.cocodataset.org/train2017/{number:012d}.jpg","height":{_HEIGHT},'
            f'"width":{_WIDTH},"date_captured":"2013-11-14 11:18:45","id":{number}}}'
            for row, number in enumerate(ids.tolist())
        )
        file.write('],"annotations":[')
        of_image = np.repeat(ids, counts)
        for first in range(0, len(of_image), _OBJECTS_AT_ONCE):
            file.writelines(_objects(of_image[first : first + _OBJECTS_AT_ONCE].tolist(), first, polygons, rng))
        file.write(f'],"categories":[{categories}]}}')


def _objects(image_ids: list[int], first: int, polygons: list[str], rng: np.random.Generator) -> Iterator[str]:
    count = len(image_ids)
    corners = np.sort(rng.random((count, 2, 2)), axis=1) * (_WIDTH - 2, _HEIGHT - 2)
    boxes = np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0] + 1], axis=1).round(2).tolist()
    drawn = rng.integers(0, (_POLYGONS, len(_CATEGORY_IDS)), (count, 2)).tolist()
    for number, (image_id, box, (polygon, category)) in enumerate(zip(image_ids, boxes, drawn, strict=True), first + 1):
        yield (
            f'{"," if number > 1 else ""}{{"segmentation":[{polygons[polygon]}],"area":{box[2] * box[3] * 0.6:.4f},'
            f'"iscrowd":{int(polygon == 0)},"image_id":{image_id},"bbox":{box},'
            f'"category_id":{_CATEGORY_IDS[category]},"id":{number}}}'
        )


def _polygon(rng: np.random.Generator, points: int) -> str:
    length = 2 * max(3, rng.poisson(points))
    return f"[{', '.join(f'{value:.2f}' for value in rng.uniform(0, 640, length))}]"
