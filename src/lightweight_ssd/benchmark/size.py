"""Seconds and memory that annotations take, from a thousand images to a million."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from msgspec import Meta

from lightweight_ssd.benchmark.annotation_cost import (
    Growth,
    Reading,
    in_fresh_process,
    measure_growth,
    measure_pycocotools,
    measure_reading,
)
from lightweight_ssd.benchmark.record import Measurement, Record, Target, import_peer
from lightweight_ssd.benchmark.settings import NotNegative
from lightweight_ssd.benchmark.synthetic_coco import generate_coco
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.system.disk_space import one_sentence_when_full

__all__ = ["benchmark_size"]

Sizes = Annotated[Sequence[Count], Meta(min_length=1, description="a list of numbers of images, each at least 1")]
Corners = Annotated[int, Meta(ge=3)]

_COCO = 118_000  # images of the size that the targets are for
_PARSE_SECONDS, _LOAD_SECONDS, _HELD_MB, _GROWTH_PERCENT = 60.0, 2.0, 150.0, 5.0
_LINEAR = 1.3  # per image, most that the largest may cost of what the one before costs
_ADVICE = "give folder=… on a larger disk, or fewer images=[…]."


class _Cost(NamedTuple):
    """What one size costs; None where it was not measured."""

    images: int
    objects: int
    parsed: Reading
    loaded: Reading
    growth: Growth | None
    peer: Reading | None


@checked
def benchmark_size(
    images: Sizes = (1000, 10_000, 118_000, 1_200_000),
    points: Corners = 22,
    workers: Count = 4,
    epoch_up_to: NotNegative = 118_000,
    peer_up_to: NotNegative = 118_000,
    folder: Path | None = None,
) -> Record:
    """Generates a data set of each size, reads it in fresh processes, and removes it.

    Args:
        images: Sizes of the data sets; COCO 2017 train has 118,000.
        points: Corners of a polygon, on average, at least 3; 22 makes a file as large as COCO's.
        workers: Loader processes whose growth is measured.
        epoch_up_to: Largest size for which an epoch is read; more takes minutes and shows the same.
        peer_up_to: Largest size that pycocotools reads, too; it takes gigabytes.
        folder: Folder for the generated data, about 4 KB an image; None = the system's temporary folder.

    Returns:
        Seconds and megabytes of each size, beside pycocotools' on the same file, and costs per image of the two
        largest sizes beside each other.

    Raises:
        ValueError: For a setting that cannot be met, or where the disk is full.
    """
    notes: list[str] = []
    has_peer = import_peer("pycocotools.coco", "pycocotools", notes) is not None
    place = folder or Path(tempfile.gettempdir())
    costs = [
        _cost(size, points, place, workers if size <= epoch_up_to else 0, has_peer and size <= peer_up_to)
        for size in sorted(images)
    ]
    measurements = [each for cost in costs for each in _measurements(cost, workers)] + _linear(costs)
    notes.append(
        "MB are the pages of its own that the process has more after reading. Growth is that of the pages of their "
        "own of all workers, as a share of what is resident: shared pages do not count twice."
    )
    setting = (
        f"Generated instances files like COCO 2017's, {points} points a polygon, {costs[-1].objects:,} objects in the "
        "largest; each value once, in a fresh process."
    )
    return Record("size", setting, measurements, notes, ("msgspec", "numpy", "pycocotools"))


def _cost(size: int, points: int, place: Path, workers: int, with_peer: bool) -> _Cost:
    """Costs of one size; without workers no epoch is read."""
    with (
        one_sentence_when_full(place, _ADVICE),
        tempfile.TemporaryDirectory(prefix="lssd-size-", dir=place) as folder,
    ):
        made = generate_coco(Path(folder) / "coco", size, points)
        where = (made.annotations, made.images, Path(folder) / "cache")
        parsed = in_fresh_process(measure_reading, *where)
        loaded = in_fresh_process(measure_reading, *where)
        growth = in_fresh_process(measure_growth, *where, workers) if workers else None
        peer = in_fresh_process(measure_pycocotools, made.annotations) if with_peer else None
        return _Cost(size, made.object_count, parsed, loaded, growth, peer)


def _measurements(cost: _Cost, workers: int) -> list[Measurement]:
    def target(value: float) -> Target | None:
        return Target("ours", "<=", value) if cost.images == _COCO else None

    def line(what: str, ours: float, unit: str, theirs: float | None, most: float) -> Measurement:
        name = "pycocotools" if cost.peer else ""
        return Measurement(f"{cost.images:,} images: {what}", ours, unit, name, theirs, target=target(most))

    seconds, megabytes = (cost.peer.seconds, cost.peer.held / 1e6) if cost.peer else (None, None)
    lines = [
        line("read from JSON", cost.parsed.seconds, "s", seconds, _PARSE_SECONDS),
        line("read again", cost.loaded.seconds, "s", seconds, _LOAD_SECONDS),
        line("held after JSON", cost.parsed.held / 1e6, "MB", megabytes, _HELD_MB),
        line("held otherwise", cost.loaded.held / 1e6, "MB", megabytes, _HELD_MB),
    ]
    if cost.growth:
        what = f"{cost.images:,} images: growth of {workers} workers over an epoch"
        lines.append(Measurement(what, 100 * cost.growth.share, "%", target=target(_GROWTH_PERCENT)))
    return lines


def _linear(costs: Sequence[_Cost]) -> list[Measurement]:
    """The two largest sizes, per image: equal where cost grows linearly."""
    if len(costs) < 2:
        return []
    small, large = costs[-2:]
    beside, most = f"{small.images:,} images", Target("ratio", "<=", _LINEAR)

    def line(what: str, unit: str, ours: float, theirs: float) -> Measurement:
        name = f"per image at {large.images:,}: {what}"
        return Measurement(name, ours / large.images, unit, beside, theirs / small.images, target=most)

    return [
        line("read from JSON", "µs", large.parsed.seconds * 1e6, small.parsed.seconds * 1e6),
        line("read again", "µs", large.loaded.seconds * 1e6, small.loaded.seconds * 1e6),
        line("held", "bytes", float(large.loaded.held), float(small.loaded.held)),
    ]
