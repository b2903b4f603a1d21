"""What a training step adds to forward and backward, ours and other detectors'."""

import tempfile
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, NamedTuple, TypeVar

import torch
from omegaconf import DictConfig

from lightweight_ssd.benchmark.record import Measurement, Record, Target, Timing, interleaved
from lightweight_ssd.benchmark.settings import cpu_threads
from lightweight_ssd.benchmark.train_loop import images_per_second, loop_seconds, steps_when_fed
from lightweight_ssd.benchmark.training_steps import Step, our_step, ssdlite320_step, yolo11n_step
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.system.device import device_name
from lightweight_ssd.tensor_types import Batch
from lightweight_ssd.training.bare_step import DryRunStep, Place, place_of, random_batch
from lightweight_ssd.training.quiet import quiet_frameworks

__all__ = ["benchmark_step"]

_Name = TypeVar("_Name", bound="str | tuple[str, str]")

_BARE = "forward and backward alone"
_PEER_SIZE = (320, 320)
_MOST = {"cpu": 1.05, "cuda": 1.15}  # of whole over bare
_LEAST_RATE = 0.9  # of the rate with data already on the device
_BATCH_SIZE = {"cpu": 16, "cuda": 128}


class _Rounds(NamedTuple):
    timed: int
    warmup: int


@checked
def benchmark_step(
    config: DictConfig,
    num_classes: Count = 20,
    objects: Count = 3,
    rounds: Count = 10,
    warmup: Count = 2,
    threads: Count | None = None,
    peers: bool = True,
    loop: bool = True,
    with_data: bool | None = None,
    batch_size: Count | None = None,
) -> Record:
    """Times whole training steps beside forward and backward of the same network alone.

    Args:
        config: Configuration of the training, such as `compose(["neck=fpn"], "benchmark_step")`; its keys that are
            arguments of this function are not read.
        num_classes: Classes.
        objects: Objects of an image, on average.
        rounds: Timed steps of each.
        warmup: Steps of each before the clock counts.
        threads: CPU threads; None = as PyTorch chooses.
        peers: Also times torchvision's ssdlite320 and Ultralytics' YOLO11n, at 320×320 pixels.
        loop: Also times the steps of `lssd train`'s own loop.
        with_data: Also measures the rate of training while data is read; None = on a GPU only, since on a CPU loader
            and network share the cores.
        batch_size: Images of a batch; None = 16 on the CPU, 128 on a GPU.

    Returns:
        Milliseconds of a whole step beside those of the bare network, of ours and of each peer.

    Raises:
        ValueError: For a setting that cannot be met.
    """
    quiet_frameworks()
    place = place_of(config.trainer)
    on_cpu = place.device.type == "cpu"
    cfg, times = config.copy(), _Rounds(rounds, warmup)
    cfg.batch_size = batch_size or _BATCH_SIZE[place.device.type]
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as run_dir, cpu_threads(threads):
        cfg.run_dir = run_dir
        torch.manual_seed(cfg.seed)
        dry_run = DryRunStep(cfg, num_classes, place)
        batch = dry_run.batch(cfg.batch_size, objects)
        steps = [our_step(dry_run, batch)]
        if peers:
            squares = random_batch(cfg.batch_size, _PEER_SIZE, num_classes, objects, place.device)
            steps += _peer_steps(squares, num_classes, place, notes)
        measurements = _compare(steps, times, place, notes)
        if loop:
            measurements.append(_loop(cfg, batch, steps[0], times))
        if not on_cpu if with_data is None else with_data:
            measurements.append(_while_reading(cfg, batch, times, place, notes))
        setting = _setting(cfg, steps[0].name, batch, rounds, "" if on_cpu else "on the GPU")
    device = None if on_cpu else device_name(place.device)
    return Record("step", setting, measurements, notes, ("torchvision", "lightning", "ultralytics"), device)


def _setting(cfg: DictConfig, name: str, batch: Batch, rounds: int, where: str) -> str:
    height, width = batch.images.shape[2:]
    where = where or f"{torch.get_num_threads()} CPU threads"
    return (
        f"{name} at {width}×{height}, peers at 320×320, batch {cfg.batch_size}, {cfg.trainer.precision}, {where}, "
        f"{rounds} rounds."
    )


def _peer_steps(batch: Batch, num_classes: int, place: Place, notes: list[str]) -> list[Step]:
    """The steps of the peers that are installed."""
    steps = [ssdlite320_step(num_classes, batch, place), yolo11n_step(num_classes, batch, place, notes)]
    return [step for step in steps if step]


def _compare(steps: list[Step], times: _Rounds, place: Place, notes: list[str]) -> list[Measurement]:
    """Whole beside bare, for every detector, and our ratio beside each peer's."""
    calls = {(step.name, kind): getattr(step, kind) for step in steps for kind in ("whole", "bare")}
    seconds, added = _timed(calls, times), _timed(steps[0].parts, times)
    parts = ", ".join(f"{name} {1000 * timing.median:.3g} ms" for name, timing in added.items())
    notes.append(f"What {steps[0].name} adds, each part by itself: {parts}.")
    target = Target("ratio", "<=", _MOST[place.device.type])
    whole, bare = ({step.name: seconds[step.name, kind].median * 1000 for step in steps} for kind in ("whole", "bare"))
    lines = [
        Measurement(f"{name}, a step", whole[name], "ms", _BARE, bare[name], True, None if number else target)
        for number, name in enumerate(whole)
    ]
    ours, *others = whole
    ratio = {name: whole[name] / bare[name] for name in whole}
    return lines + [Measurement("step over bare", ratio[ours], "times", name, ratio[name]) for name in others]


def _timed(calls: Mapping[_Name, Callable[[], Any]], times: _Rounds) -> dict[_Name, Timing]:
    synchronize = torch.cuda.synchronize if torch.cuda.is_available() else int
    return interleaved(calls, times.timed, times.warmup, synchronize)


def _loop(cfg: DictConfig, batch: Batch, step: Step, times: _Rounds) -> Measurement:
    """A step as `lssd train` takes it, with Lightning's loop, logging and callbacks."""
    whole, bare = (1000 * median(each) for each in loop_seconds(cfg, batch, step.bare, *times))
    return Measurement(f"{step.name}, a step of lssd train", whole, "ms", _BARE, bare, True)


def _while_reading(cfg: DictConfig, batch: Batch, times: _Rounds, place: Place, notes: list[str]) -> Measurement:
    """The rate of training while data is read, beside that with the data on the device already."""
    resident = images_per_second(cfg, batch, *times)
    fed = images_per_second(cfg, None, *times)
    images, steps = len(build(cfg.data).annotations("train")), sum(steps_when_fed(cfg, *times))
    if images // cfg.batch_size < steps:
        notes.append(
            f"{steps} steps were taken while data was read, more than an epoch has, so that loaders started again in "
            f"between; data.train_images={steps * cfg.batch_size} of data=shapes is enough for one epoch."
        )
    target = Target("ratio", ">=", _LEAST_RATE) if place.device.type == "cuda" else None
    return Measurement("training, data being read", fed, "images/s", "data on the device", resident, True, target)
