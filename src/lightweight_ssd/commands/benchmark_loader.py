"""`lssd benchmark loader`: what reading and augmenting an image costs, beside decoding it and beside other loaders."""

import itertools
import logging
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hydra
from omegaconf import DictConfig

from lightweight_ssd.benchmark.record import Figure, Record, Target, Timing, interleaved, publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    from lightweight_ssd.augment.pipeline import Pipeline
    from lightweight_ssd.data.formats.packed import PackedAnnotations
    from lightweight_ssd.data.images.cache import ImageCache

__all__ = ["main", "measure"]

_LEAST = {False: 0.5, True: 1.0}  # of the rate of decoding alone, by whether images are kept in memory
_TORCHVISION = "torchvision's SSD transforms"


class _Run(NamedTuple):
    """One line of what is measured: a recipe, and whether its images are kept decoded."""

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


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_loader")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark loader`."""
    with one_sentence_errors("lssd benchmark loader"):
        publish(measure(cfg), cfg.results)


def measure(cfg: DictConfig) -> Record:
    """Times all recipes, with and without kept images, and what stands beside them.

    Args:
        cfg: As composed from `conf/benchmark_loader.yaml`.

    Raises:
        ValueError, FileNotFoundError: For a setting that cannot be met, or what is wrong with the data.
    """
    from lightweight_ssd.config.instantiate import build

    _check(cfg)
    annotations = build(cfg.data).annotations("train")
    annotations = annotations.take(range(min(cfg.images, len(annotations))))
    recipes: dict[str, Pipeline] = {name: build(node) for name, node in cfg.recipes.items() if node is not None}
    runs = [_Run(name, in_memory) for name in recipes for in_memory in (False, True)]
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lssd-benchmark-") as folder, _one_thread():
        from lightweight_ssd.benchmark.loaders import decoders

        decoding = {name: _through(call) for name, call in decoders(annotations, notes).items()}
        ours = _ours(cfg, annotations, recipes, runs, Path(folder))
        seconds = interleaved({**decoding, **ours}, cfg.rounds, cfg.warmup)
        peers = _peers(cfg, annotations, recipes, runs, Path(folder), notes) if cfg.peers else {}
        beside = interleaved({**ours, **peers}, cfg.rounds, cfg.warmup) if peers else {}
    fastest = min(decoding, key=lambda name: seconds[name].median)
    figures = _figures(runs, recipes, seconds, beside, fastest, len(annotations))
    height, width = annotations.sizes.mean(axis=0)
    setting = (
        f"{len(annotations)} images of {width:.0f}×{height:.0f} pixels on average, in batches of {cfg.batch_size}, one "
        f"process and one thread, median of {cfg.rounds} alternating passes."
    )
    return Record("loader", setting, figures, [*_remarks(cfg, recipes), *notes], ("cv2", "torchvision", "ultralytics"))


def _check(cfg: DictConfig) -> None:
    for key, least in {"images": 1, "batch_size": 1, "rounds": 1, "warmup": 0}.items():
        if not isinstance(cfg[key], int) or cfg[key] < least:
            raise ValueError(f"Expected {key} as a whole number of at least {least}, but got {cfg[key]}: correct it.")
    if not cfg.recipes:
        raise ValueError("Expected at least one recipe, but got none: leave one of recipes.… in place.")


@contextmanager
def _one_thread() -> Iterator[None]:
    """As in a loader worker, of which there is one per core."""
    import cv2
    import torch

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def _ours(
    cfg: DictConfig, annotations: "PackedAnnotations", recipes: "dict[str, Pipeline]", runs: list[_Run], folder: Path
) -> dict[str, Callable[[], object]]:
    """Our loader by the title of the run; every pass is another epoch, so that no two are augmented alike."""
    from lightweight_ssd.data.images.cache_builder import open_image_cache

    logging.getLogger(open_image_cache.__module__).setLevel(logging.WARNING)  # it would name a folder that goes again
    images = open_image_cache(annotations, _cache_side(cfg, recipes), folder / "cache")
    return {run.title: _epoch(cfg, annotations, recipes[run.recipe], images if run.in_memory else None) for run in runs}


def _cache_side(cfg: DictConfig, recipes: "dict[str, Pipeline]") -> int:
    """Longest side of our kept images, pixels; as in training."""
    from lightweight_ssd.training.datamodule import ROOM_FOR_CROPS

    longest = max(side for recipe in recipes.values() for side in recipe.image_size)
    return cfg.data.cache_side or ROOM_FOR_CROPS * longest


def _epoch(
    cfg: DictConfig, annotations: "PackedAnnotations", recipe: "Pipeline", images: "ImageCache | None"
) -> Callable[[], object]:
    from lightweight_ssd.data.dataset import DetectionDataset, collate
    from lightweight_ssd.types import SampleKey

    dataset = DetectionDataset(annotations, recipe, cfg.seed, images)
    epochs, indices = itertools.count(), range(len(dataset))
    batches = [indices[start : start + cfg.batch_size] for start in indices[:: cfg.batch_size]]

    def run() -> None:
        epoch = next(epochs)
        for batch in batches:
            collate((dataset[SampleKey(epoch, index, index)] for index in batch), len(batch))

    return run


def _peers(
    cfg: DictConfig,
    annotations: "PackedAnnotations",
    recipes: "dict[str, Pipeline]",
    runs: list[_Run],
    folder: Path,
    notes: list[str],
) -> dict[str, Callable[[], object]]:
    from lightweight_ssd.benchmark.loaders import torchvision_loader, ultralytics_loader

    size = next(iter(recipes.values())).image_size
    torchvision = torchvision_loader(annotations, size, cfg.batch_size)
    calls: dict[str, Callable[[], object]] = {_TORCHVISION: _through(torchvision)}
    for number, run in enumerate(runs):
        (own := folder / f"yolo-{number}").mkdir()
        missing: list[str] = []
        loader = ultralytics_loader(
            annotations, own, cfg.peer_size, cfg.batch_size, _mosaic(recipes[run.recipe]), run.in_memory, missing
        )
        if loader is None:
            notes += missing
            break
        calls[run.peers_call] = _through(loader)
    return calls


def _through(results: Callable[[], Iterator[object]]) -> Callable[[], object]:
    """Lets go of each result at once: memory that is asked for anew costs a decoder up to a fourth of its time."""
    return lambda: deque(results(), maxlen=0)


def _mosaic(recipe: "Pipeline") -> float:
    """How often a recipe mixes images."""
    return max((float(getattr(mixer, "p", 1.0)) for mixer in recipe.mixers), default=0.0)


def _figures(
    runs: list[_Run],
    recipes: "dict[str, Pipeline]",
    seconds: dict[str, Timing],
    beside: dict[str, Timing],
    decoder: str,
    images: int,
) -> list[Figure]:
    """Lines for all runs; only recipes without Mosaic, which reads four images for one, have a target to reach."""

    def line(run: _Run, what: str, name: str, times: dict[str, Timing], least: float) -> Figure:
        target = None if recipes[run.recipe].mixers else Target("ratio", ">=", least)
        ours, theirs = images / times[run.title].median, images / times[name].median
        return Figure(run.title, ours, "images/s", what, theirs, times is seconds, target)

    figures = []
    for run in runs:
        figures.append(line(run, f"decoding alone ({decoder})", decoder, seconds, _LEAST[run.in_memory]))
        if _TORCHVISION in beside and not run.in_memory and not recipes[run.recipe].mixers:
            figures.append(line(run, _TORCHVISION, _TORCHVISION, beside, 1.0))
        if run.peers_call in beside:
            figures.append(line(run, run.peer, run.peers_call, beside, 1.0))
    return figures


def _remarks(cfg: DictConfig, recipes: "dict[str, Pipeline]") -> list[str]:
    remarks = ["Rates are images per second and core; files are in the operating system's cache, not on a cold disk."]
    if cfg.peers:
        remarks.append(
            "The limit is timed before the peers are loaded: beside what they keep in memory, ours is slower. "
            "torchvision's reference reads with PIL. Ultralytics' loader makes "
            f"{cfg.peer_size}×{cfg.peer_size} pixels, mixes as often as the recipe beside it, and takes Mosaic's "
            "partners from images that it has just read, where ours draws them from the whole set and reads them. Its "
            f"cache=ram holds images of {cfg.peer_size} pixels, where ours holds up to {_cache_side(cfg, recipes)}."
        )
    return remarks
