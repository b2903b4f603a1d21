"""Which recipe learns best from about 200 images? Draws small subsets of a large data set, and trains on them.

    python benchmarks/finetune.py draw VOCdevkit subsets              # writes subsets/few, subsets/small, subsets/one
    python benchmarks/finetune.py train subsets runs results.csv      # what is missing in results.csv, one by one
    python benchmarks/finetune.py table results.csv                   # mean and range of the seeds

`draw` reads a data set in VOC's format (years VOC2007 and, if there, VOC2012) and chooses images by a hash of their
names and `--draw`, so anybody with the same data gets the same subsets, each of 205 images to train on and 200 to test:

    few    images of bus, cat, dog and horse: few classes, mostly large objects
    small  images with four objects or more, whose median longer side is below a fifth of the image's: all classes
    one    images of cars, and no other class is learned

`train` runs three recipes on each subset and seed, at 224 pixels: `experiment=finetune` for 15 epochs, the same from
random weights with all parts at the full rate (`scratch`), and Ultralytics' YOLO11n from random weights for the minutes
that finetune took with that seed. All are measured by this project's AP50 on the test images, at their last epoch, so
that none is chosen on them. A run that stands in the results is skipped: the command goes on after a stop.
"""

import argparse
import csv
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from lightweight_ssd.benchmark.peers import import_ultralytics
from lightweight_ssd.curation.source import data_source
from lightweight_ssd.data.formats.convert import convert
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.source import Source
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.runs.environment import environment
from lightweight_ssd.tensor_types import Detections

FEW = ("bus", "cat", "dog", "horse")
TRAIN_IMAGES, TEST_IMAGES = 205, 200
SIDE, EPOCHS, BATCH = 224, 15, 8
RECIPES = {
    "finetune": (),
    "scratch": ("backbone.weights=null", "lr_factors=null"),
    "yolo11n": (),
}
COLUMNS = (
    "recipe", "subset", "seed", "ap50", "minutes", "commit", "date", "threads", "load_before", "load_after", "settings",
)  # fmt: skip


def read_voc(root: Path, classes: tuple[str, ...] | None = None) -> PackedAnnotations:
    years = {year: "trainval" if (root / f"VOC{year}").is_dir() else None for year in ("2007", "2012")}
    return data_source("voc", root=str(root), train=years, classes=classes).annotations("train")


def with_objects(annotations: PackedAnnotations) -> list[int]:
    """Images with an object of the classes that counts."""
    return [row for row, each in enumerate(annotations) if (~each.difficult).any()]


def with_small_objects(annotations: PackedAnnotations) -> list[int]:
    """Images with four objects or more whose median longer side is below a fifth of the image's."""
    rows = []
    for row, each in enumerate(annotations):
        sides = (each.boxes[:, 2:] - each.boxes[:, :2]).max(axis=1, initial=0) / max(each.height, each.width)
        if len(sides) >= 4 and np.median(sides) < 0.2 and (~each.difficult).any():
            rows.append(row)
    return rows


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


def data_settings(subset: Path) -> list[str]:
    splits = {"train": "train", "val": "test", "test": "test"}
    files = {
        f"data.{split}": ("annotations", f"annotations/instances_{of}.json", "images") for split, of in splits.items()
    }
    named = [f"{key}.{name}={file}" for key, (name, file, _) in files.items()]
    return [
        "data=coco",
        f"data.root={subset}",
        *named,
        *(f"{key}.images={images}" for key, (*_, images) in files.items()),
    ]


def train_ours(recipe: str, subset: Path, seed: int, runs: Path, more: list[str]) -> dict[str, Any]:
    run_dir = runs / f"{recipe}-{subset.name}-{seed}"
    settings = [
        f"image_size={SIDE}", f"trainer.max_epochs={EPOCHS}", f"trainer.check_val_every_n_epoch={EPOCHS}",
        f"seed={seed}", *RECIPES[recipe], *more,
    ]  # fmt: skip
    quiet = ["logger=csv", "pictures=0", "gray_test=false", "latency=null", "coco_metric=false", "data.cache=ram"]
    command = ["train", "experiment=finetune", *data_settings(subset), *settings, *quiet, f"run_dir={run_dir}"]
    with (runs / f"{run_dir.name}.log").open("w") as log:
        subprocess.run([sys.executable, "-m", "lightweight_ssd", *command], check=True, stdout=log, stderr=log)
    results = json.loads((run_dir / "results.json").read_text())
    return {
        "ap50": round(100 * results["test"]["map_50"], 2),
        "minutes": round(results["training"]["seconds"] / 60, 2),
        "settings": " ".join(settings),
    }


def train_yolo(subset: Path, seed: int, runs: Path, minutes: float) -> dict[str, Any]:
    notes: list[str] = []
    if import_ultralytics(notes) is None:
        sys.exit(notes[0])
    from ultralytics import YOLO
    from ultralytics import settings as of_user

    of_user.update({"mlflow": False, "wandb": False, "tensorboard": False})  # in the temporary folder of its settings
    source = data_source(data_settings(subset))
    file = write_yolo(source, subset, runs / f"yolo-{subset.name}")
    settings = {"imgsz": SIDE, "batch": BATCH, "time": minutes / 60, "epochs": 1000, "seed": seed}
    quiet = {"device": "cpu", "workers": 0, "val": False, "plots": False, "pretrained": False, "verbose": False}
    model = YOLO("yolo11n.yaml")
    place = {"project": str(runs.absolute()), "name": f"yolo11n-{subset.name}-{seed}", "exist_ok": True}
    started = time.monotonic()
    model.train(data=str(file), **settings, **quiet, **place)
    took = (time.monotonic() - started) / 60
    metric = VOCMetric(source.class_names)
    for known in source.annotations("test"):
        found = model.predict(known.path, imgsz=SIDE, conf=0.01, iou=0.6, max_det=100, verbose=False)[0].boxes
        metric.update([Detections(found.xyxy.cpu(), found.conf.cpu(), found.cls.cpu().long())], [known])
    about = " ".join(f"{key}={value}" for key, value in settings.items())
    return {"ap50": round(100 * metric.compute().map_50, 2), "minutes": round(took, 2), "settings": about}


def write_yolo(source: Source, subset: Path, folder: Path) -> Path:
    """The subset as Ultralytics reads it."""
    for split in ("train", "test"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for known in source.annotations(split):
            image = folder / "images" / split / Path(known.path).name
            image.unlink(missing_ok=True)
            image.symlink_to(Path(known.path).resolve())
            size = np.array([known.width, known.height] * 2)
            centers = np.hstack(
                [known.boxes[:, :2] + known.boxes[:, 2:], 2 * (known.boxes[:, 2:] - known.boxes[:, :2])]
            )
            rows = (centers / 2 / size).clip(0, 1)
            lines = (
                f"{label} {' '.join(f'{v:.6f}' for v in row)}" for label, row in zip(known.labels, rows, strict=True)
            )
            (folder / "labels" / split / f"{image.stem}.txt").write_text("\n".join(lines))
    names = dict(enumerate(source.class_names))
    content = {"path": str(folder.absolute()), "train": "images/train", "val": "images/test", "names": names}
    (folder / "data.yaml").write_text(yaml.safe_dump(content))
    return folder / "data.yaml"


def read_results(path: Path) -> dict[tuple[str, str, int], dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {(row["recipe"], row["subset"], int(row["seed"])): row for row in csv.DictReader(file)}


def train(subsets: Path, runs: Path, results: Path, wanted: list[tuple[str, str, int]], more: list[str]) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    for recipe, name, seed in wanted:
        done = read_results(results)
        if (recipe, name, seed) in done:
            continue
        if recipe == "yolo11n" and ("finetune", name, seed) not in done:
            print(f"{recipe} on {name}, seed {seed}: left out until finetune has said how many minutes it takes")
            continue
        before, place = os.getloadavg()[0], subsets / name
        if recipe == "yolo11n":
            measured = train_yolo(place, seed, runs, float(done["finetune", name, seed]["minutes"]))
        else:
            measured = train_ours(recipe, place, seed, runs, more)
        about = {
            "recipe": recipe, "subset": name, "seed": seed, "commit": commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"), "threads": torch.get_num_threads(),
            "load_before": round(before, 1), "load_after": round(os.getloadavg()[0], 1),
        }  # fmt: skip
        write_row(results, {**about, **measured})
        print(f"{recipe} on {name}, seed {seed}: AP50 {measured['ap50']} in {measured['minutes']} minutes", flush=True)


def commit() -> str:
    known = environment()
    return f"{known['commit'][:10]}{'+' * known['uncommitted_changes']}"


def write_row(results: Path, row: dict[str, Any]) -> None:
    new = not results.is_file()
    with results.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def table(results: Path) -> None:
    print("| recipe | subset | AP50 per seed | mean | minutes |\n|---|---|---|---|---|")
    done = read_results(results)
    for recipe in RECIPES:
        for name in SUBSETS:
            rows = [row for (of, on, _), row in sorted(done.items()) if (of, on) == (recipe, name)]
            values, minutes = [float(row["ap50"]) for row in rows], [float(row["minutes"]) for row in rows]
            shown = ", ".join(f"{value:.1f}" for value in values) or "not measured"
            means = [f"{statistics.mean(each):.1f}" if each else "" for each in (values, minutes)]
            print(f"| {recipe} | {name} | {shown} | {' | '.join(means)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw")
    drawing.add_argument("root", type=Path)
    drawing.add_argument("output", type=Path)
    drawing.add_argument("--draw", type=int, default=0, help="number of the draw")
    training = commands.add_parser("train")
    for name in ("subsets", "runs", "results"):
        training.add_argument(name, type=Path)
    training.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    training.add_argument("--on", nargs="+", choices=SUBSETS, default=list(SUBSETS))
    training.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    training.add_argument("--set", nargs="*", default=[], help="more settings of lssd train")
    commands.add_parser("table").add_argument("results", type=Path)
    given = parser.parse_args()
    if given.command == "draw":
        draw(given.root, given.output, given.draw)
    elif given.command == "table":
        table(given.results)
    else:
        wanted = [(recipe, name, seed) for seed in given.seeds for recipe in given.recipes for name in given.on]
        train(given.subsets, given.runs, given.results, wanted, given.set)


if __name__ == "__main__":
    main()
