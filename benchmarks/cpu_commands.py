"""Whole commands on a CPU from two source trees, in turns: python benchmarks/cpu_commands.py OLD NEW DEVKIT.

DEVKIT holds VOC2007 with the lists train and val. Each command runs with few images and with many; the difference,
divided by the images between them, is the time of an image without imports and other starting costs. `train` takes
drawn shapes. `evaluate` and `predict` take one checkpoint, which OLD trains first; for NEW also its ONNX file.

Run it twice on a machine that was just started, or has handed memory back to its host: the first touch of each page can
take longer than the work.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

SHAPES = (
    "data=shapes", "image_size=300", "batch_size=8", "num_workers=0", "pictures=0", "logger=csv",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1",
)  # fmt: skip
TRAIN = (
    "image_size=300", "batch_size=8", "trainer.max_steps=60", "channels_last=true", "logger=csv", "pictures=0",
    "optim=adamw", "optim.lr=0.02", "runs=runs",
)  # fmt: skip
LISTS = {"train": 600, "first_val": 16, "few": 40, "many": 240}
STEPS = (10, 40)


class Seconds(NamedTuple):
    """Of one command with all its processes."""

    wall: float
    cpu: float


class Place(NamedTuple):
    """Where the files of a comparison lie, and its two trees."""

    work: Path
    old: Path
    new: Path

    @property
    def checkpoint(self) -> Path:
        return self.work / "checkpoint.ckpt"

    @property
    def exported(self) -> Path:
        return self.work / "checkpoint.onnx"

    @property
    def data(self) -> list[str]:
        lists = ["data.train.2007=[train]", "data.train.2012=null", "data.val.2007=[first_val]"]
        return ["data=voc", f"data.root={self.work / 'devkit'}", *lists]


def run(place: Place, tree: Path, name: str, *arguments: str) -> Seconds:
    """Run a command of a tree in a folder of its own; stop with what it said if it fails."""
    folder = place.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "WANDB_MODE": "disabled"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "lightweight_ssd", *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return Seconds(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def prepare(place: Place, devkit: Path) -> None:
    """Make a devkit of short lists, a folder of images for each, and the checkpoint with its ONNX file."""
    year, source = place.work / "devkit" / "VOC2007", devkit.resolve() / "VOC2007"
    (year / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    for name in ("JPEGImages", "Annotations"):
        if not (year / name).exists():
            (year / name).symlink_to(source / name)
    for name, count in LISTS.items():
        lines = (source / "ImageSets" / "Main" / f"{'train' if name == 'train' else 'val'}.txt").read_text().split()
        (year / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(lines[:count]) + "\n")
        (place.work / name).mkdir(exist_ok=True)
        for line in lines[:count]:
            shutil.copy(source / "JPEGImages" / f"{line}.jpg", place.work / name)
    if not place.checkpoint.exists():
        run(place, place.old, "made", "train", *place.data, *TRAIN, "data.test.2007=[first_val]")
        shutil.copy(next((place.work / "made").rglob("last.ckpt")), place.checkpoint)
    if not place.exported.exists():
        run(place, place.new, "export", "export", f"checkpoint={place.checkpoint}", f"output={place.exported}")


def train(place: Place, tree: Path, steps: int, model: list[str]) -> tuple[Seconds, int]:
    return run(place, tree, "train", "train", *SHAPES, f"trainer.max_steps={steps}"), 8 * steps


def evaluate(place: Place, tree: Path, steps: int, model: list[str]) -> tuple[Seconds, int]:
    name = _list(steps)
    settings = [f"data.test.2007=[{name}]", "pictures=0", "output=out", f"checkpoint={place.checkpoint}"]
    return run(place, tree, "evaluate", "evaluate", *place.data, *settings, *model), LISTS[name]


def predict(place: Place, tree: Path, steps: int, model: list[str]) -> tuple[Seconds, int]:
    name = _list(steps)
    model = model or [f"checkpoint={place.checkpoint}"]
    return run(place, tree, "predict", "predict", f"source={place.work / name}", *model), LISTS[name]


def _list(steps: int) -> str:
    return "few" if steps == STEPS[0] else "many"


Command = Callable[[Place, Path, int, list[str]], tuple[Seconds, int]]


def of_an_image(command: Command, place: Place, tree: Path, model: list[str]) -> Seconds:
    """Seconds of an image, from a run with few and one with many."""
    (few, count), (many, more) = (command(place, tree, steps, model) for steps in STEPS)
    return Seconds(*((after - before) / (more - count) for before, after in zip(few, many, strict=True)))


def main() -> None:
    """Print the times of an image and their ratios, per turn and as medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("old", "new", "devkit"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/cpu_commands"))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--commands", nargs="*", default=["train", "evaluate", "predict"])
    known = parser.parse_args()
    place = Place(known.work.resolve(), known.old.resolve(), known.new.resolve())
    prepare(place, known.devkit)
    for name in known.commands:
        command: Command = globals()[name]
        sides = {"now": []} if name == "train" else {"now": [], "now, ONNX file": [f"model={place.exported}"]}
        ratios: dict[str, list[Seconds]] = {side: [] for side in sides}
        for _ in range(known.turns):
            before = of_an_image(command, place, place.old, [])
            for side, model in sides.items():
                now = of_an_image(command, place, place.new, model)
                ratios[side].append(Seconds(before.wall / now.wall, before.cpu / now.cpu))
                milliseconds = " ".join(f"{1000 * value:.1f}" for value in (*before, *now))
                print(f"{name}, {side}: wall and CPU ms an image {milliseconds}", flush=True)
        for side, turns in ratios.items():
            for clock in Seconds._fields:
                values = sorted(getattr(turn, clock) for turn in turns)
                said = ", ".join(f"{value:.2f}" for value in values)
                print(f"{name}, {side}: {median(values):.2f} times as fast by {clock} ({said})", flush=True)


if __name__ == "__main__":
    main()
