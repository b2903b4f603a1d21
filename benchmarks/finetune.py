"""Which recipe learns best from about 200 images? Draws small subsets of a large data set, and trains on them.

    python benchmarks/finetune.py draw VOCdevkit subsets             # writes subsets/few, subsets/small, subsets/one
    python benchmarks/finetune.py train subsets results.csv          # what is missing in results.csv, one after another

`draw` reads a data set in VOC's format (years VOC2007 and, if there, VOC2012) and chooses images by a hash of their
names and `--draw`, so anybody with the same data gets the same subsets:

    few    images of bus, cat, dog and horse: large objects
    small  images with four objects or more, whose median side is below a fifth of the image's: all classes
    one    images of cars, and no other class is learned

`train` runs three recipes on each subset and seed: `experiment=finetune`, the same schedule from scratch (`scratch`),
and Ultralytics' YOLO11n from random weights for the minutes that finetune took (`yolo11n`). A run that stands in the
results is skipped, so the command goes on after a stop.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from lightweight_ssd.curation.source import data_source
from lightweight_ssd.data.formats.convert import convert
from lightweight_ssd.data.formats.packed import PackedAnnotations

FEW = ("bus", "cat", "dog", "horse")
TRAIN_IMAGES, TEST_IMAGES = 205, 200


def read_voc(root: Path, classes: tuple[str, ...] | None = None) -> PackedAnnotations:
    years = {year: "trainval" if (root / f"VOC{year}").is_dir() else None for year in ("2007", "2012")}
    return data_source("voc", root=str(root), train=years, classes=classes).annotations("train")


def with_objects(annotations: PackedAnnotations) -> np.ndarray:
    """Images with an object of the classes that counts."""
    return np.array([row for row, each in enumerate(annotations) if (~each.difficult).any()])


def with_small_objects(annotations: PackedAnnotations) -> np.ndarray:
    """Images with four objects or more whose median longer side is below a fifth of the image's."""
    rows = []
    for row, each in enumerate(annotations):
        sides = (each.boxes[:, 2:] - each.boxes[:, :2]).max(axis=1, initial=0) / max(each.height, each.width)
        if len(sides) >= 4 and np.median(sides) < 0.2 and (~each.difficult).any():
            rows.append(row)
    return np.array(rows)


SUBSETS = {"few": (FEW, with_objects), "small": (None, with_small_objects), "one": (("car",), with_objects)}


def draw(root: Path, output: Path, number: int) -> None:
    for name, (classes, chosen) in SUBSETS.items():
        annotations = read_voc(root, classes)
        rows = sorted(chosen(annotations), key=lambda row: _position(annotations[row].path, number))
        splits = {"train": rows[:TRAIN_IMAGES], "test": rows[TRAIN_IMAGES : TRAIN_IMAGES + TEST_IMAGES]}
        taken = {split: annotations.take(np.sort(places)) for split, places in splits.items()}
        convert(taken, "coco", output / name, "link")
        for split, each in taken.items():
            print(f"{name} {split}: {len(each)} images, {len(each.boxes)} objects")


def _position(path: str, number: int) -> str:
    return hashlib.sha256(f"{number} {Path(path).name}".encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw")
    drawing.add_argument("root", type=Path)
    drawing.add_argument("output", type=Path)
    drawing.add_argument("--draw", type=int, default=0, help="number of the draw")
    given = parser.parse_args()
    draw(given.root, given.output, given.draw)


if __name__ == "__main__":
    main()
