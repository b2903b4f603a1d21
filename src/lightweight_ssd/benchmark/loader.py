"""What reading and augmenting an image costs, beside decoding it and beside other loaders."""

import itertools
import logging
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import cv2
from msgspec import Meta

from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.benchmark.peer_loaders import decoders, torchvision_loader, ultralytics_loader
from lightweight_ssd.benchmark.record import Measurement, Record, Target, Timing, interleaved
from lightweight_ssd.benchmark.settings import NotNegative, cpu_threads
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.dataset import DetectionDataset, collate
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.cache import ImageCache
from lightweight_ssd.data.images.cache_builder import open_image_cache
from lightweight_ssd.data.sampler import NEAR, EpochSampler
from lightweight_ssd.training.datamodule import ROOM_FOR_CROPS

__all__ = ["benchmark_loader"]

YoloSide = Annotated[int, Meta(ge=32, multiple_of=32, description="a multiple of 32, such as 320")]

_LEAST = {False: 0.65, True: 1.6}  # of the rate of decoding alone, by whether images are kept in memory
_LEAST_MIXING = 1.1  # of the rate of the peer's loader
_TORCHVISION = "torchvision's SSD transforms"

Calls = dict[str, Callable[[], object]]


class _Line(NamedTuple):
    """One line of what is measured: a recipe, and whether its images are kept decoded in memory."""

    recipe: str
    in_memory: bool

    @property
    def title(self) -> str:
        return f"{self.recipe}, data.cache={'ram' if self.in_memory else 'none'}"

    @property
    def peer(self) -> str:
        return f"Ultralytics' loader{', cache=ram' if self.in_memory else ''}"

    @property
    def peers_call(self) -> str:
        return f"{self.peer} beside {self.recipe}"


class _Setup(NamedTuple):
    """What all loaders are given."""

    annotations: PackedAnnotations
    recipes: dict[str, Pipeline]
    cache_side: int
    batch_size: int
    seed: int
    folder: Path

    @property
    def lines(self) -> list[_Line]:
        return [_Line(name, in_memory) for name in self.recipes for in_memory in (False, True)]


@checked
def benchmark_loader(
    data: dict[str, Any],
    recipes: dict[str, dict[str, Any] | None],
    images: Count = 150,
    batch_size: Count = 32,
    rounds: Count = 7,
    warmup: NotNegative = 1,
    peers: bool = True,
    peer_size: YoloSide = 320,
    seed: int = 0,
) -> Record:
    """Times every recipe of augmentation in one process and one thread, with images from files and from memory.

    Args:
        data: Configuration of the data set, such as `compose(["data=shapes"], "benchmark_loader").data`.
        recipes: Configurations of augmentation by name; None leaves one out.
        images: Images of the training split, from its start; each is also held decoded in a temporary folder.
        batch_size: Images of a batch.
        rounds: Timed passes over the images.
        warmup: Passes before the clock counts.
        peers: Also times torchvision's reference transforms for SSD and Ultralytics' training loader.
        peer_size: Side of the images that Ultralytics' loader makes, pixels, a multiple of 32.
        seed: Seed of the augmentation.

    Returns:
        Images per second and core up to the collated batch, beside decoding alone and each peer.

    Raises:
        ValueError: For a setting that cannot be met, or for invalid data.
        FileNotFoundError: The data does not exist.
    """
    pipelines: dict[str, Pipeline] = {name: build(node) for name, node in recipes.items() if node is not None}
    if not pipelines:
        raise ValueError("Expected at least one recipe, but got none: leave one of recipes.… in place.")
    annotations = build(data).annotations("train")
    annotations = annotations.take(range(min(images, len(annotations))))
    cache_side = data.get("cache_side") or ROOM_FOR_CROPS * max(max(each.image_size) for each in pipelines.values())
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lssd-benchmark-") as folder, _one_thread():
        setup = _Setup(annotations, pipelines, cache_side, batch_size, seed, Path(folder))
        decoding = {name: _exhaust(call) for name, call in decoders(annotations, notes).items()}
        ours = _our_calls(setup)
        seconds = interleaved({**decoding, **ours}, rounds, warmup, clock=time.process_time)
        others = _peer_calls(setup, peer_size, notes) if peers else {}
        beside = interleaved({**ours, **others}, rounds, warmup, clock=time.process_time) if others else {}
    fastest = min(decoding, key=lambda name: seconds[name].median)
    notes = [*_remarks(peer_size if peers else None, cache_side), *notes]
    packages = ("cv2", "torchvision", "ultralytics")
    return Record("loader", _setting(setup, rounds), _measurements(setup, seconds, beside, fastest), notes, packages)


def _setting(setup: _Setup, rounds: int) -> str:
    height, width = setup.annotations.sizes.mean(axis=0)
    return (
        f"{len(setup.annotations)} images of {width:.0f}×{height:.0f} pixels on average, in batches of "
        f"{setup.batch_size}, one process and one thread, CPU time, median of {rounds} alternating passes."
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """As in a loader worker, of which there is one per core."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        with cpu_threads(1):
            yield
    finally:
        cv2.setNumThreads(before)


def _our_calls(setup: _Setup) -> Calls:
    """Our loader by the title of the line; every pass is another epoch, so that no two are augmented alike."""
    logging.getLogger(open_image_cache.__module__).setLevel(logging.WARNING)  # it would name a temporary folder
    kept = open_image_cache(setup.annotations, setup.cache_side, setup.folder / "cache")
    return {
        line.title: _epoch(setup, setup.recipes[line.recipe], kept if line.in_memory else None) for line in setup.lines
    }


def _epoch(setup: _Setup, recipe: Pipeline, kept: ImageCache | None) -> Callable[[], object]:
    dataset = DetectionDataset(setup.annotations, recipe, setup.seed, kept)
    epochs, starts = itertools.count(), range(0, len(dataset), setup.batch_size)

    def run() -> None:
        keys = list(EpochSampler(len(dataset), setup.batch_size, setup.seed, shuffle=False, epoch=next(epochs)))
        for batch in (keys[start : start + setup.batch_size] for start in starts):
            collate((dataset[key] for key in batch), len(batch))

    return run


def _peer_calls(setup: _Setup, peer_size: int, notes: list[str]) -> Calls:
    annotations, batch_size = setup.annotations, setup.batch_size
    size = next(iter(setup.recipes.values())).image_size
    calls: Calls = {_TORCHVISION: _exhaust(torchvision_loader(annotations, size, batch_size))}
    for number, line in enumerate(setup.lines):
        (own := setup.folder / f"yolo-{number}").mkdir()
        mosaic = _mosaic_probability(setup.recipes[line.recipe])
        loader = ultralytics_loader(annotations, own, peer_size, batch_size, mosaic, line.in_memory, notes)
        if loader is None:
            break
        calls[line.peers_call] = _exhaust(loader)
    return calls


def _exhaust(results: Callable[[], Iterator[object]]) -> Callable[[], object]:
    """Drops each result at once: memory that is requested again costs a decoder up to a quarter of its time."""
    return lambda: deque(results(), maxlen=0)


def _mosaic_probability(recipe: Pipeline) -> float:
    return max((float(getattr(mixer, "p", 1.0)) for mixer in recipe.mixers), default=0.0)


def _measurements(
    setup: _Setup, seconds: dict[str, Timing], beside: dict[str, Timing], decoder: str
) -> list[Measurement]:
    """All lines; Mosaic, which needs four images for one, has a target beside the peer's alone, reading files."""

    def measured(line: _Line, what: str, name: str, times: dict[str, Timing], least: float | None) -> Measurement:
        target = None if least is None else Target("ratio", ">=", least)
        images = len(setup.annotations)
        ours, theirs = images / times[line.title].median, images / times[name].median
        return Measurement(line.title, ours, "images/s", what, theirs, times is seconds, target)

    found = []
    for line in setup.lines:
        mixes = bool(setup.recipes[line.recipe].mixers)
        least = None if mixes else _LEAST[line.in_memory]
        beside_peer = (None if line.in_memory else _LEAST_MIXING) if mixes else 1.0
        found.append(measured(line, f"decoding alone ({decoder})", decoder, seconds, least))
        if _TORCHVISION in beside and not line.in_memory and not mixes:
            found.append(measured(line, _TORCHVISION, _TORCHVISION, beside, 1.0))
        if line.peers_call in beside:
            found.append(measured(line, line.peer, line.peers_call, beside, beside_peer))
    return found


def _remarks(peer_size: int | None, cache_side: int) -> list[str]:
    remarks = ["Rates are images per second and core; files are in the operating system's cache, not on a cold disk."]
    if peer_size:
        remarks.append(
            "The limit is timed before the peers are loaded: beside what they keep in memory, ours is slower. "
            f"torchvision's reference reads with PIL. Ultralytics' loader makes {peer_size}×{peer_size} pixels, mixes "
            "as often as the recipe beside it, and takes Mosaic's partners from the images that it has read in this "
            f"pass, where ours takes them from the {NEAR} of a block of the epoch. Its "
            f"cache=ram holds images of {peer_size} pixels, where ours holds up to {cache_side}."
        )
    return remarks
