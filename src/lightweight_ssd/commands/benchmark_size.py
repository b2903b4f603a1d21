"""`lssd benchmark size`: seconds and memory that annotations take, from a thousand images to a million."""

import gc
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.benchmark.record import Figure, Record, Target, import_peer, publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.system.disk_space import one_sentence_when_full

if TYPE_CHECKING:  # `--help` should not wait for NumPy and OpenCV
    from lightweight_ssd.benchmark.annotation_cost import Growth, Reading

__all__ = ["Cost", "main", "measure"]

_COCO = 118_000  # images of the size that the targets are for
_PARSE_SECONDS, _LOAD_SECONDS, _HELD_MB, _GROWTH_PERCENT = 60.0, 2.0, 150.0, 5.0
_LINEAR = 1.3  # per image, most that the largest may cost of what the one before costs


class Cost(NamedTuple):
    """What one size costs; None where it was not measured."""

    images: int
    objects: int
    parsed: "Reading"
    loaded: "Reading"
    growth: "Growth | None"
    peer: "Reading | None"


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_size")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark size`."""
    with one_sentence_errors("lssd benchmark size"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        publish(measure(config), config["results"])


def measure(config: dict[str, Any]) -> Record:
    """Generates a data set of each size, reads it in fresh processes, and removes it.

    Args:
        config: As composed from `conf/benchmark_size.yaml`, plain containers.

    Raises:
        ValueError: For a size that is none.
    """
    sizes, notes = config["images"], []
    if not sizes or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(f"Expected images=… as a list of positive numbers, but got {sizes}.")
    has_peer = import_peer("pycocotools.coco", "pycocotools", notes) is not None
    costs = [_cost(size, config, has_peer and size <= config["peer_up_to"]) for size in sorted(sizes)]
    figures = [figure for cost in costs for figure in _figures(cost, config["workers"])] + _linear(costs)
    notes.append(
        "MB are pages of its own that the process has more after reading. Growth is in pages of their own of all "
        "workers, as a share of what is resident: those that are merely shared do not count twice."
    )
    setting = (
        f"Generated instances files like COCO 2017's, {config['points']} points a polygon, {costs[-1].objects:,} "
        "objects in the largest; each figure once, in a fresh process."
    )
    return Record("size", setting, figures, notes, ("msgspec", "numpy", "pycocotools"))


def _cost(size: int, config: dict[str, Any], with_peer: bool) -> Cost:
    from lightweight_ssd.benchmark.annotation_cost import in_fresh_process, measure_growth, measure_reading
    from lightweight_ssd.benchmark.synthetic_coco import generate_coco

    place, advice = (
        Path(config["folder"] or tempfile.gettempdir()),
        "give folder=… on a larger disk, or fewer images=[…].",
    )
    with one_sentence_when_full(place, advice), tempfile.TemporaryDirectory(prefix="lssd-size-", dir=place) as folder:
        made = generate_coco(Path(folder) / "coco", size, config["points"])
        where = (made.annotations, made.images, Path(folder) / "cache")
        parsed = in_fresh_process(measure_reading, *where)
        loaded = in_fresh_process(measure_reading, *where)
        epoch = size <= config["epoch_up_to"]
        growth = in_fresh_process(measure_growth, *where, config["workers"]) if epoch else None
        peer = in_fresh_process(_read_with_pycocotools, made.annotations) if with_peer else None
        return Cost(size, made.object_count, parsed, loaded, growth, peer)


def _read_with_pycocotools(annotations: Path) -> "Reading":
    from pycocotools.coco import COCO

    from lightweight_ssd.benchmark.annotation_cost import Reading
    from lightweight_ssd.benchmark.process_memory import memory

    before, start = memory(), time.perf_counter()
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        held = COCO(str(annotations))
    seconds = time.perf_counter() - start
    gc.collect()
    assert held.imgs
    return Reading(seconds, memory().unique - before.unique)


def _figures(cost: Cost, workers: int) -> list[Figure]:
    def target(value: float) -> Target | None:
        return Target("ours", "<=", value) if cost.images == _COCO else None

    what, peer = f"{cost.images:,} images", cost.peer
    name, seconds, megabytes = ("pycocotools", peer.seconds, peer.held / 1e6) if peer else ("", None, None)
    figures = [
        Figure(f"{what}: read from JSON", cost.parsed.seconds, "s", name, seconds, target=target(_PARSE_SECONDS)),
        Figure(f"{what}: read again", cost.loaded.seconds, "s", name, seconds, target=target(_LOAD_SECONDS)),
        Figure(f"{what}: held after JSON", cost.parsed.held / 1e6, "MB", name, megabytes, target=target(_HELD_MB)),
        Figure(f"{what}: held otherwise", cost.loaded.held / 1e6, "MB", name, megabytes, target=target(_HELD_MB)),
    ]
    if cost.growth:
        percent = 100 * cost.growth.share
        line = f"{what}: growth of {workers} workers over an epoch"
        figures.append(Figure(line, percent, "%", target=target(_GROWTH_PERCENT)))
    return figures


def _linear(costs: Sequence[Cost]) -> list[Figure]:
    """The two largest sizes, per image: equal where cost grows linearly."""
    if len(costs) < 2:
        return []
    small, large = costs[-2:]
    beside, most = f"{small.images:,} images", Target("ratio", "<=", _LINEAR)

    def line(what: str, unit: str, ours: float, theirs: float) -> Figure:
        name = f"per image at {large.images:,}: {what}"
        return Figure(name, ours / large.images, unit, beside, theirs / small.images, target=most)

    return [
        line("read from JSON", "µs", large.parsed.seconds * 1e6, small.parsed.seconds * 1e6),
        line("read again", "µs", large.loaded.seconds * 1e6, small.loaded.seconds * 1e6),
        line("held", "bytes", float(large.loaded.held), float(small.loaded.held)),
    ]
