"""`lssd benchmark step`: what a training step adds to forward and backward, ours and other detectors'."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from lightweight_ssd.benchmark.record import Figure, Record, Target, Timing, interleaved, publish
from lightweight_ssd.commands.console import one_sentence_errors, quiet_frameworks
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.benchmark.training_steps import Step
    from lightweight_ssd.tensor_types import Batch
    from lightweight_ssd.training.bare_step import Place

__all__ = ["main", "measure"]

_BARE = "forward and backward alone"
_PEER_SIZE = (320, 320)
_MOST = {"cpu": 1.05, "cuda": 1.15}  # of whole over bare
_LEAST_RATE = 0.9  # of the rate with data already on the device
_BATCH_SIZE = {"cpu": 16, "cuda": 128}


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_step")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark step`."""
    with one_sentence_errors("lssd benchmark step"):
        publish(measure(cfg), cfg.results)


def measure(cfg: DictConfig) -> Record:
    """Times all steps of one configuration.

    Args:
        cfg: As composed from `conf/benchmark_step.yaml`.

    Raises:
        ValueError: For a setting that cannot be met.
    """
    import lightning.pytorch  # noqa: F401  # sets how loud it is
    import torch

    from lightweight_ssd.benchmark.training_steps import our_step
    from lightweight_ssd.system.device import device_name
    from lightweight_ssd.training.bare_step import Rehearsal, place_of

    _check(cfg)
    quiet_frameworks()
    place = place_of(cfg.trainer)
    cfg.batch_size = cfg.batch_size or _BATCH_SIZE[place.device.type]
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as run_dir, _threads(cfg.threads):
        cfg.run_dir = run_dir
        torch.manual_seed(cfg.seed)
        rehearsal = Rehearsal(cfg, cfg.num_classes, place)
        batch = rehearsal.batch(cfg.batch_size, cfg.objects)
        steps = [our_step(rehearsal, batch), *(_peer_steps(cfg, place, notes) if cfg.peers else [])]
        figures = _compare(cfg, steps, place, notes)
        if cfg.loop:
            figures += _loop_figures(cfg, batch, steps[0])
        if place.device.type == "cuda" if cfg.with_data is None else cfg.with_data:
            figures.append(_data_figure(cfg, batch, place, notes))
        threads = torch.get_num_threads()
    where = f"{threads} CPU threads" if place.device.type == "cpu" else "on the GPU"
    ours = f"{steps[0].name} at {batch.images.shape[3]}×{batch.images.shape[2]}"
    setting = (
        f"{ours}, peers at 320×320, batch {cfg.batch_size}, {cfg.trainer.precision}, {where}, {cfg.rounds} rounds."
    )
    device = None if place.device.type == "cpu" else device_name(place.device)
    return Record("step", setting, figures, notes, ("torchvision", "lightning", "ultralytics"), device)


def _check(cfg: DictConfig) -> None:
    for key, least in {"rounds": 1, "warmup": 1, "objects": 1, "num_classes": 1}.items():
        if not isinstance(cfg[key], int) or cfg[key] < least:
            raise ValueError(f"Expected {key} as a whole number of at least {least} but got {cfg[key]}.")
    for key in ("batch_size", "threads"):
        if cfg[key] is not None and (not isinstance(cfg[key], int) or cfg[key] < 1):
            raise ValueError(f"Expected {key} as a whole number of at least 1, or null, but got {cfg[key]}.")


def _peer_steps(cfg: DictConfig, place: "Place", notes: list[str]) -> list["Step"]:
    """Those of the peers that are installed."""
    from lightweight_ssd.benchmark.training_steps import ssdlite320_step, yolo11n_step
    from lightweight_ssd.training.bare_step import random_batch

    squares = random_batch(cfg.batch_size, _PEER_SIZE, cfg.num_classes, cfg.objects, place.device)
    steps = [ssdlite320_step(cfg.num_classes, squares, place), yolo11n_step(cfg.num_classes, squares, place, notes)]
    return [step for step in steps if step]


def _compare(cfg: DictConfig, steps: list["Step"], place: "Place", notes: list[str]) -> list[Figure]:
    """Whole beside bare, for every detector, and ours beside each other's."""
    calls = {(step.name, form): getattr(step, form) for step in steps for form in ("whole", "bare")}
    seconds = _timed(cfg, calls)
    added = _timed(cfg, steps[0].parts)
    told = ", ".join(f"{name} {1000 * timing.median:.3g} ms" for name, timing in added.items())
    notes.append(f"What {steps[0].name} adds, each part by itself: {told}.")
    target = Target("ratio", "<=", _MOST[place.device.type])
    whole, bare = ({step.name: seconds[step.name, form].median * 1000 for step in steps} for form in ("whole", "bare"))
    lines = [
        Figure(f"{name}, a step", whole[name], "ms", _BARE, bare[name], True, None if number else target)
        for number, name in enumerate(whole)
    ]
    ours, *others = whole
    share = {name: whole[name] / bare[name] for name in whole}
    return lines + [Figure("step over bare", share[ours], "times", name, share[name]) for name in others]


def _timed(cfg: DictConfig, calls: dict[Any, Any]) -> dict[Any, Timing]:
    import torch

    synchronize = torch.cuda.synchronize if torch.cuda.is_available() else int
    return interleaved(calls, cfg.rounds, cfg.warmup, synchronize)


def _loop_figures(cfg: DictConfig, batch: "Batch", step: "Step") -> list[Figure]:
    """A step as `lssd train` takes it, with Lightning's loop, logging and callbacks."""
    from lightweight_ssd.benchmark.train_loop import loop_seconds

    whole, bare = (1000 * median(times) for times in loop_seconds(cfg, batch, step.bare, cfg.rounds, cfg.warmup))
    return [Figure(f"{step.name}, a step of lssd train", whole, "ms", _BARE, bare, True)]


def _data_figure(cfg: DictConfig, batch: "Batch", place: "Place", notes: list[str]) -> Figure:
    """The rate of training while data is read, beside that with the data on the device already."""
    from lightweight_ssd.benchmark.train_loop import images_per_second, steps_when_fed
    from lightweight_ssd.config.instantiate import build

    resident = images_per_second(cfg, batch, cfg.rounds, cfg.warmup)
    fed = images_per_second(cfg, None, cfg.rounds, cfg.warmup)
    images, steps = len(build(cfg.data).annotations("train")), sum(steps_when_fed(cfg, cfg.rounds, cfg.warmup))
    if images // cfg.batch_size < steps:
        notes.append(
            f"{steps} steps were taken with data being read, more than an epoch has, so that loaders began anew in "
            f"between; data.train_images={steps * cfg.batch_size} of data=shapes is enough for one epoch."
        )
    target = Target("ratio", ">=", _LEAST_RATE) if place.device.type == "cuda" else None
    return Figure("training, data being read", fed, "images/s", "data on the device", resident, True, target)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
