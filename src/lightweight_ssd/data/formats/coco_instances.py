"""The instances files of COCO's format: every entry checked, packed into arrays, and cached.

Original ids are kept: images have those of the file, and a label is its category's place among the rising category ids.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from jaxtyping import Bool, Float32

from lightweight_ssd.data.formats.coco_categories import Categories, from_one
from lightweight_ssd.data.formats.coco_json import read_tables
from lightweight_ssd.data.formats.coco_notes import describe_decisions
from lightweight_ssd.data.formats.coco_validation import Status, Validated, validate_tables
from lightweight_ssd.data.formats.float_text import shortest
from lightweight_ssd.data.formats.image_folders import Fingerprint
from lightweight_ssd.data.formats.packed import PackedAnnotations, read_cached, starts
from lightweight_ssd.types import Annotation, xyxy_to_xywh

__all__ = ["read_instances", "write_instances"]

_CACHE_FORMAT = 6  # raise it when the same file would be read into other arrays


def read_instances(
    annotations: str | Path,
    images: str | Path,
    box_tolerance: float = 1.0,
    drop_empty_boxes: bool = True,
    on_bad: str = "error",
    cache_dir: str | Path | None = None,
    class_names: tuple[str, ...] | None = None,
    category_ids: tuple[int, ...] | None = None,
) -> PackedAnnotations:
    """Reads one instances file; images stay in its order and keep their ids.

    Every entry is checked before anything is returned. Segmentations are stepped over where there is a box. Sizes that
    the file does not give are those of the image files. What is decided for the user stands in `notes`.

    Args:
        annotations: The JSON file.
        images: Folder that `file_name` of its images starts from. An image that is not there is taken from elsewhere in
            the folder if only one file fits its name best (see `file_search`).
        box_tolerance: Pixels by which a box may leave its image and is clipped in silence.
        drop_empty_boxes: Leave out boxes of no width or height, and note how many; False makes them an error.
        on_bad: `error`: the first wrong entry is described, further ones are counted. `skip`: the images with wrong
            entries are left out whole, since leaving out the object alone would teach that nothing is there. An
            annotation of an unknown image is only reported.
        cache_dir: Where the packed annotations are kept for the next time; None keeps none. A change of the file, and
            image files that come or go, make them outdated.
        class_names: Name of each label, those of the training file: categories are matched by name, whatever their ids
            are, and one that is not among these is an error if it has objects. None is the file's own categories
            without those that are no classes, by rising id.
        category_ids: Id of each label in results; None is 1, 2, … for given names, and else those of the file.

    Raises:
        FileNotFoundError: The file, the folder or an image is missing.
        ValueError: The file is malformed, an entry is wrong (an image that stands twice, an unknown image or category,
            a box that is inverted or outside its image), or no image is left.
    """
    path, folder = Path(annotations).absolute(), Path(images).absolute()

    classes = None if class_names is None else Categories(class_names, category_ids or from_one(class_names))

    def build() -> PackedAnnotations:
        tables = read_tables(path)
        if not len(tables.images.ids):
            raise ValueError(f"Expected images in {path}, but it lists none: choose another file.")
        entries = validate_tables(path, folder, tables, box_tolerance, drop_empty_boxes, classes)
        if fingerprint:
            fingerprint.record(tables.images.names, entries.located.listings)
        return _pack(entries, on_bad)

    fingerprint = Fingerprint(path, folder) if cache_dir is not None and path.is_file() else None
    if cache_dir is None or fingerprint is None:
        return build()
    settings = (_CACHE_FORMAT, float(box_tolerance), bool(drop_empty_boxes), on_bad, classes)
    name = _digest([repr((str(path.resolve()), str(folder.resolve()), settings))])[:16]
    return read_cached(Path(cache_dir) / f"coco-{name}.arrays", fingerprint, build)


def write_instances(path: str | Path, annotations: PackedAnnotations, file_names: Sequence[str]) -> None:
    """Writes an instances file that is read back as the same arrays; of the images only their names.

    `difficult`, for which COCO has no place, is a key of its own. There are no segmentations.

    Args:
        path: File to write; its folder is made where missing.
        annotations: What to write, with its image and category ids.
        file_names: Of the images, relative to their folder, in the same order.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    classes = zip(annotations.category_ids, annotations.class_names, strict=True)
    with path.open("wb") as file:  # piece by piece, since a million objects as dictionaries take gigabytes
        file.write(b'{"images":[')
        for row, name in enumerate(file_names):
            height, width = annotations.sizes[row].tolist()
            image = {"id": int(annotations.image_ids[row]), "file_name": name, "width": width, "height": height}
            file.write(b"," * (row > 0) + msgspec.json.encode(image))
        file.write(b'],"annotations":[')
        for row, annotation in enumerate(annotations):
            first = int(annotations.offsets[row])
            objects = _entries(annotation, annotations.category_ids, first + 1)
            file.write(b"," * (first > 0 and len(objects) > 0) + b",".join(map(msgspec.json.encode, objects)))
        categories = [{"id": number, "name": name} for number, name in classes]
        file.write(b'],"categories":' + msgspec.json.encode(categories) + b"}")


def _entries(annotation: Annotation, category_ids: Sequence[int], first_id: int) -> list[dict[str, object]]:
    return [
        {
            "id": first_id + index,
            "image_id": annotation.image_id,
            "category_id": category_ids[annotation.labels[index]],
            "bbox": _shortest_xywh(annotation.boxes[index]),
            "area": float(shortest(annotation.areas[index])),
            "iscrowd": int(annotation.crowd[index]),
            "difficult": int(annotation.difficult[index]),
        }
        for index in range(len(annotation.boxes))
    ]


def _shortest_xywh(box: Float32[np.ndarray, " 4"]) -> list[float]:
    """Left, top, width and height with few decimals, whose sums are exactly the box's corners again."""
    corner = [float(shortest(value)) for value in box[:2]]
    width, height = xyxy_to_xywh(np.array([*corner, *box[2:]]))[2:]
    return [*corner, float(shortest(width, -corner[0])), float(shortest(height, -corner[1]))]


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _pack(entries: Validated, on_bad: str) -> PackedAnnotations:
    """The objects that are fine, sorted by image, of the images that are fine."""
    images, objects = entries.tables.images, entries.tables.objects
    kept, sentences = _kept_images(entries, on_bad)
    used = np.flatnonzero((entries.object_status == Status.VALID) & kept[entries.rows])
    used = used[np.argsort(entries.rows[used], kind="stable")]
    boxes, areas = entries.boxes[used], objects.areas[used].astype(np.float32)
    paths = [os.fsencode(entries.folder / images.names[row]) for row in np.flatnonzero(kept).tolist()]
    return PackedAnnotations(
        class_names=entries.classes.names,
        image_ids=images.ids[kept],
        sizes=images.sizes[kept],
        path_bytes=np.frombuffer(b"".join(paths), dtype=np.uint8),
        path_offsets=starts([len(path) for path in paths]),
        offsets=starts(np.bincount(entries.rows[used], minlength=len(kept))[kept]),
        boxes=boxes,
        labels=entries.labels[used],
        difficult=objects.difficult[used],
        crowd=objects.crowd[used],
        areas=np.where(np.isnan(areas), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1), areas),
        category_ids=entries.classes.ids,
        skipped=tuple(sentences),
        notes=describe_decisions(entries),
    )


def _kept_images(entries: Validated, on_bad: str) -> tuple[Bool[np.ndarray, " N"], list[str]]:
    """Which images are used, and a sentence on each of the others; or the first error, where none may be left out."""
    bad_images = np.flatnonzero(entries.image_status != Status.VALID)
    kept = entries.image_status == Status.VALID
    bad_objects = np.flatnonzero((entries.object_status != Status.VALID) & (entries.object_status != Status.DROPPED))
    bad_objects = bad_objects[(entries.rows[bad_objects] < 0) | kept[entries.rows[bad_objects]]]
    _, firsts = np.unique(entries.tables.objects.image_ids[bad_objects], return_index=True)
    kept[entries.rows[bad_objects][entries.rows[bad_objects] >= 0]] = False
    errors = [partial(entries.image_error, row) for row in bad_images.tolist()]
    errors += [partial(entries.object_error, index) for index in bad_objects[np.sort(firsts)].tolist()]
    if errors and (on_bad == "error" or not kept.any()):
        error = errors[0]()
        more = f" ({len(errors) - 1} more images have wrong entries.)" if len(errors) > 1 else ""
        raise type(error)(f"{error}{more}")
    return kept, [str(error()) for error in errors]
