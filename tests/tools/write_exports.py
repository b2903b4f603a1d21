"""Writes one data set as other tools export it; runs in the environment of `make tools`, which has these tools.

python write_exports.py EXPORT SOURCE OUTPUT; SOURCE holds pictures and boxes.json: by picture its size (width, height)
and its boxes [name, left, top, right, bottom], edges of pixels from 0.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ["cat", "dog"]
Source = dict[str, tuple[tuple[int, int], list[Any]]]


def datumaro(format_name: str) -> Callable[[Path, Source, Path], None]:
    def write(pictures: Path, source: Source, output: Path) -> None:
        from datumaro import Bbox, Dataset, DatasetItem, Image

        items = [
            DatasetItem(
                id=Path(name).stem,
                subset="val" if place % 3 == 2 else "train",
                media=Image.from_file(path=str(pictures / name)),
                annotations=[
                    Bbox(x0, y0, x1 - x0, y1 - y0, label=NAMES.index(label), id=row, group=row)
                    for row, (label, x0, y0, x1, y1) in enumerate(boxes, start=1)
                ],
            )
            for place, (name, (_, boxes)) in enumerate(sorted(source.items()))
        ]
        Dataset.from_iterable(items, categories=NAMES, media_type=Image).export(
            str(output), format_name, save_media=True
        )

    return write


def _supervision(pictures: Path, source: Source) -> Any:
    import numpy as np
    import supervision

    paths = [str(pictures / name) for name in source]
    annotations = {
        str(pictures / name): supervision.Detections(
            xyxy=np.array([box[1:] for box in boxes], dtype=float).reshape(-1, 4),
            class_id=np.array([NAMES.index(box[0]) for box in boxes], dtype=int),
        )
        for name, (_, boxes) in source.items()
    }
    return supervision.DetectionDataset(NAMES, paths, annotations)


def supervision_voc(pictures: Path, source: Source, output: Path) -> None:
    _supervision(pictures, source).as_pascal_voc(str(output / "images"), str(output / "annotations"))


def supervision_coco(pictures: Path, source: Source, output: Path) -> None:
    _supervision(pictures, source).as_coco(str(output / "images"), str(output / "annotations.json"))


def supervision_yolo(pictures: Path, source: Source, output: Path) -> None:
    places = (output / "images", output / "labels", output / "data.yaml")
    _supervision(pictures, source).as_yolo(*map(str, places))


def _globox(source: Source) -> Any:
    from globox import Annotation, AnnotationSet, BoundingBox

    def box(label: str, *edges: float) -> Any:
        return BoundingBox(label=label, xmin=edges[0], ymin=edges[1], xmax=edges[2], ymax=edges[3])

    return AnnotationSet(
        [
            Annotation(image_id=name, image_size=tuple(size), boxes=[box(*one) for one in boxes])
            for name, (size, boxes) in source.items()
        ]
    )


def globox_voc(pictures: Path, source: Source, output: Path) -> None:
    _copy(pictures, source, output / "images")
    _globox(source).save_pascal_voc(output / "annotations")


def globox_coco(pictures: Path, source: Source, output: Path) -> None:
    _copy(pictures, source, output / "images")
    _globox(source).save_coco(output / "labels.json", auto_ids=True)


def globox_yolo(pictures: Path, source: Source, output: Path) -> None:
    _copy(pictures, source, output / "images")
    _globox(source).save_yolo_v5(output / "labels", label_to_id={name: row for row, name in enumerate(NAMES)})
    (output / "classes.txt").write_text("\n".join(NAMES))  # globox leaves the names to its user


def labelimg_voc(pictures: Path, source: Source, output: Path) -> None:
    from libs.pascal_voc_io import PascalVocWriter  # its window alone needs Qt

    _copy(pictures, source, output)
    for name, ((width, height), boxes) in source.items():
        if boxes:  # nothing is saved for an image without any
            writer = PascalVocWriter(output.name, name, (height, width, 3), local_img_path=str(output / name))
            _add(writer, boxes)
            writer.save(str((output / name).with_suffix(".xml")))


def labelimg_yolo(pictures: Path, source: Source, output: Path) -> None:
    from libs.yolo_io import YOLOWriter

    _copy(pictures, source, output)
    for name, ((width, height), boxes) in source.items():
        if boxes:
            writer = YOLOWriter(output.name, name, (height, width, 3), local_img_path=str(output / name))
            _add(writer, boxes)
            writer.save(class_list=[*NAMES], target_file=str((output / name).with_suffix(".txt")))


def _add(writer: Any, boxes: list[Any]) -> None:
    for label, *edges in boxes:
        writer.add_bnd_box(*(max(1, int(edge)) for edge in edges), label, False)  # as its window hands them over


def _copy(pictures: Path, source: Source, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in source:
        shutil.copy(pictures / name, folder / name)


EXPORTS: dict[str, Callable[[Path, Source, Path], None]] = {
    "datumaro voc": datumaro("voc"),
    "datumaro coco_instances": datumaro("coco_instances"),
    "datumaro yolo": datumaro("yolo"),
    "datumaro yolo_ultralytics": datumaro("yolo_ultralytics"),
    "supervision voc": supervision_voc,
    "supervision coco": supervision_coco,
    "supervision yolo": supervision_yolo,
    "globox voc": globox_voc,
    "globox coco": globox_coco,
    "globox yolo": globox_yolo,
    "labelImg voc": labelimg_voc,
    "labelImg yolo": labelimg_yolo,
}


def main() -> None:
    export, source, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    boxes = json.loads((source / "boxes.json").read_text())
    EXPORTS[export](source, {name: (tuple(size), rows) for name, (size, rows) in boxes.items()}, output)


if __name__ == "__main__":
    main()
