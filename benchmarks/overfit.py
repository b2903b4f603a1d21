"""Does every detector learn 20 drawn images by heart? If not, no other result of it can be trusted.

    python benchmarks/overfit.py runs results.csv                       # what is missing in results.csv, one by one
    python benchmarks/overfit.py runs results.csv --systems ssd yolov3  # these only
    python benchmarks/overfit.py runs results.csv --table               # steps and minutes of each, as Markdown

Each system is trained by `experiment=overfit` on 20 drawn images and tested on the same ones, until their mAP@0.5 in a
validation is above 0.9 or its steps are used up. Large systems are trained narrower and at a smaller size than in
Table 5, as the table says: the question is whether matching, losses, coding and post-processing fit each other. A
system that stands in the results is skipped: the command goes on after a stop.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.runs.environment import environment

ENOUGH = 0.9  # mAP@0.5
CLASSES = ("circle", "square", "triangle")
# Settings by system: what is smaller than in Table 5, and what its losses need.
SYSTEMS: dict[str, tuple[str, ...]] = {
    "ssd": ("detector=ssd", "image_size=160"),
    "ssd300": ("detector=ssd300", "backbone.width=0.125", "image_size=268"),
    "pelee": ("detector=pelee", "backbone.width=0.25", "neck.width=32", "image_size=257"),
    "yolov2": ("detector=yolov2", "backbone.width=0.25", "neck.width=0.25", "image_size=160"),
    "tiny_yolov2": ("detector=tiny_yolov2", "backbone.width=0.5", "image_size=160"),
    "yolov3": ("detector=yolov3", "backbone.width=0.125", "image_size=96", "detector.anchors.scale=0.23"),
    "yolov3, Mobilenet": (
        "detector=yolov3", "backbone=mobilenet_v1_three_levels", "image_size=96", "detector.anchors.scale=0.23",
    ),
    "tiny_yolov3": ("detector=tiny_yolov3", "backbone.width=0.5", "neck.width=0.5", "image_size=160"),
    "yolo_nano": (
        "detector=yolo_nano", "backbone.width=0.5", "neck.width=0.5", "image_size=128", "optim.lr=0.05",
    ),
    "faster_rcnn": (
        "detector=faster_rcnn", "backbone.width=0.125", "detector.rpn.channels=128", "detector.head.hidden=[256,256]",
        "image_size=128",
    ),
    "thundernet": ("detector=thundernet", "image_size=160"),
}  # fmt: skip
COLUMNS = ("system", "ap50", "steps", "minutes", "parameters", "commit", "date", "threads", "load", "settings")


def draw(folder: Path) -> list[str]:
    """Draws the images, and says how `lssd train` reads them: as a VOC devkit."""
    shapes = Shapes(folder, CLASSES, image_size=240, train_images=20, val_images=1, test_images=1, max_objects=3)
    shapes.draw()
    return ["data=voc", f"data.root={shapes.devkit}", f"data.class_names=[{','.join(CLASSES)}]"]


def overfit(system: str, runs: Path, more: list[str]) -> dict[str, Any]:
    settings = [*SYSTEMS[system], *more]
    quiet = ["logger=csv", "pictures=0", "gray_test=false", "latency=null", "coco_metric=false", "num_workers=0"]
    stop = [f"+callbacks.early_stopping.stopping_threshold={ENOUGH}", "trainer.check_val_every_n_epoch=10"]
    place = runs / system
    length = ["trainer.max_epochs=400", f"run_dir={place}", "resume=auto"]
    command = ["train", "experiment=overfit", *draw(runs / "data"), *quiet, *stop, *length, *settings]
    with (runs / f"{system}.log").open("w") as log:
        subprocess.run([sys.executable, "-m", "lightweight_ssd", *command], check=True, stdout=log, stderr=log)
    results = json.loads((place / "results.json").read_text())
    return {
        "ap50": round(100 * results["test"]["map_50"], 1),
        "steps": results["training"]["steps"],
        "minutes": round(results["training"]["seconds"] / 60, 1),
        "parameters": results["parameters"],
        "settings": " ".join(settings),
    }


def read_results(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {row["system"]: row for row in csv.DictReader(file)}


def write_row(results: Path, row: dict[str, Any]) -> None:
    new = not results.is_file()
    with results.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def run(runs: Path, results: Path, systems: list[str], more: list[str]) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    known = environment()
    for system in systems:
        if system in read_results(results):
            continue
        load, found = round(os.getloadavg()[0], 1), overfit(system, runs, more)
        about = {"commit": f"{known['commit'][:10]}{'+' * known['uncommitted_changes']}", "load": load}
        about |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "threads": torch.get_num_threads()}
        write_row(results, {"system": system, **about, **found})
        print(f"{system}: AP50 {found['ap50']} after {found['steps']} steps, {found['minutes']} minutes", flush=True)


def table(results: Path) -> str:
    head = "| system | AP50 | steps of 10 images | minutes | parameters | settings |\n|---|---|---|---|---|---|"
    done = read_results(results)
    rows = [done.get(system) for system in SYSTEMS]
    return "\n".join([head, *(_line(system, row) for system, row in zip(SYSTEMS, rows, strict=True))])


def _line(system: str, row: dict[str, str] | None) -> str:
    if row is None:
        return f"| {system} | not measured | | | | |"
    cells = (row["ap50"], row["steps"], row["minutes"], f"{int(row['parameters']):,}", f"`{row['settings']}`")
    return f"| {system} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="folder for the images and the runs")
    parser.add_argument("results", type=Path, help="CSV file to append to")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--set", nargs="*", default=[], help="more settings of lssd train")
    parser.add_argument("--table", action="store_true", help="print the results as Markdown and train nothing")
    given = parser.parse_args()
    if given.table:
        print(table(given.results))
    else:
        run(given.runs, given.results, given.systems, given.set)


if __name__ == "__main__":
    main()
