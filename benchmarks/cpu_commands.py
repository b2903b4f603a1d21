"""Whole commands on a CPU from two source trees, in slices: python benchmarks/cpu_commands.py OLD NEW DEVKIT.

DEVKIT holds VOC2007 with the lists train and val. Each command runs with few images and with many; the difference,
divided by the images between them, is the time of an image without imports and other starting costs. `train` takes
drawn shapes. `evaluate` and `predict` take one checkpoint, which OLD trains first; for NEW also its ONNX file.

The commands that are compared run at the same time, but only one of them at any moment: the others are stopped, and
every half second it is the turn of the next. So all meet the same machine, however busy its host is.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

SHAPES = (
    "data=shapes", "image_size=300", "batch_size=8", "num_workers=0", "pictures=0", "logger=csv",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1",
)  # fmt: skip
TRAIN = (
    "image_size=300", "batch_size=8", "trainer.max_steps=16", "channels_last=true", "logger=csv", "pictures=0",
    "optim=adamw", "optim.lr=0.02", "runs=runs",
)  # fmt: skip
LISTS = {"train": 600, "first_val": 16, "few": 40, "many": 240}
NAMES = ("few", "many")  # lists of the short run and of the long one
STEPS = (4, 24)  # of a training
SLICE = 0.5  # seconds


class Job(NamedTuple):
    """A command of a tree."""

    name: str
    tree: Path
    arguments: list[str]


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


def seconds_of(place: Place, jobs: list[Job]) -> dict[str, float]:
    """Run commands in slices; the seconds of the slices that each took until it ended."""
    running = {job.name: _start(place, job) for job in jobs}
    seconds = dict.fromkeys(running, 0.0)
    try:
        while running:
            for name, process in list(running.items()):
                seconds[name] += _slice(process)
                if process.returncode is not None:
                    del running[name]
                if process.returncode:
                    raise SystemExit((place.work / name / "log.txt").read_text())
    finally:  # a stopped process would stay for ever
        for process in running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return seconds


def _slice(process: "subprocess.Popen[bytes]") -> float:
    """Let a stopped command run for a while, and stop it again unless it ended; seconds that it ran."""
    started = time.perf_counter()
    os.killpg(process.pid, signal.SIGCONT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(SLICE)
    seconds = time.perf_counter() - started
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGSTOP)
    return seconds


def _start(place: Place, job: Job) -> subprocess.Popen[bytes]:
    """A stopped command in a folder and a process group of its own."""
    folder = place.work / job.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(job.tree / "src"), "WANDB_MODE": "disabled"}
    command = [sys.executable, "-m", "lightweight_ssd", *job.arguments]
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    os.killpg(process.pid, signal.SIGSTOP)
    return process


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
        seconds_of(place, [Job("made", place.old, ["train", *place.data, *TRAIN, "data.test.2007=[first_val]"])])
        shutil.copy(next((place.work / "made").rglob("last.ckpt")), place.checkpoint)
    if not place.exported.exists():
        settings = [f"checkpoint={place.checkpoint}", f"output={place.exported}"]
        seconds_of(place, [Job("export", place.new, ["export", *settings])])


def train(place: Place, many: bool, model: list[str]) -> list[str]:
    return ["train", *SHAPES, f"trainer.max_steps={STEPS[many]}"]


def evaluate(place: Place, many: bool, model: list[str]) -> list[str]:
    settings = [f"data.test.2007=[{NAMES[many]}]", "pictures=0", "output=out", f"checkpoint={place.checkpoint}"]
    return ["evaluate", *place.data, *settings, *model]


def predict(place: Place, many: bool, model: list[str]) -> list[str]:
    model = model or [f"checkpoint={place.checkpoint}"]
    return ["predict", f"source={place.work / NAMES[many]}", *model]


Command = Callable[[Place, bool, list[str]], list[str]]


def of_an_image(place: Place, command: Command) -> dict[str, float]:
    """Seconds of an image on each side, from runs with few images and with many."""
    sides = {"before": (place.old, []), "now": (place.new, [])}
    images = [8 * steps for steps in STEPS]
    if command is not train:
        sides["now, by the ONNX file"] = (place.new, [f"model={place.exported}"])
        images = [LISTS[name] for name in NAMES]
    few, many = (
        seconds_of(place, [Job(side, tree, command(place, size, model)) for side, (tree, model) in sides.items()])
        for size in (False, True)
    )
    return {side: (many[side] - few[side]) / (images[1] - images[0]) for side in sides}


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
        turns = [of_an_image(place, globals()[name]) for _ in range(known.turns)]
        for side in [side for side in turns[0] if side != "before"]:
            ratios = sorted(turn["before"] / turn[side] for turn in turns)
            before, now = (1000 * median(turn[each] for turn in turns) for each in ("before", side))
            print(
                f"{name}, {side}: {before:.1f} ms an image before, {now:.1f} ms {side}; {median(ratios):.2f} times as "
                f"fast ({', '.join(f'{ratio:.2f}' for ratio in ratios)})",
                flush=True,
            )


if __name__ == "__main__":
    main()
