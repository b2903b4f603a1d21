"""How long our metrics take beside pycocotools and torchmetrics.

All are given the same random detections. Where COCO's rules are compared, all do COCO's work (ten thresholds, four
sizes, three limits); beside our VOC metric, too, the peers do COCO's work, since they have no VOC metric.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from msgspec import Meta

from lightweight_ssd.benchmark.record import Measurement, Record, Target, Timing, import_peer, interleaved
from lightweight_ssd.benchmark.settings import NotNegative, cpu_threads
from lightweight_ssd.config.arguments import Count, checked
from lightweight_ssd.metrics.coco import COCOMetric, coco_lists
from lightweight_ssd.metrics.image_records import ImageRecordsMetric, join_records
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

__all__ = ["benchmark_evaluate"]

ClassCounts = Annotated[Sequence[Count], Meta(min_length=1, description="numbers of classes, such as [20, 80]")]

_BATCH = 32  # images that a metric is given at once
_FIVE_TIMES = Target("ratio", "<=", 0.2)
_OURS = ("VOC metric", "COCO metric")
_PYCOCOTOOLS, _TORCHMETRICS = "pycocotools", "torchmetrics, pycocotools backend"
_ABOUT_PEERS = (
    "The peers have no VOC metric: beside ours, too, they do COCO's work (ten thresholds, four sizes, three limits). "
    "Making its input from our records is part of pycocotools' time; torchmetrics also computes AP per class."
)
_TOLERANCE = {_PYCOCOTOOLS: 1e-9, _TORCHMETRICS: 5e-3}  # of AP; torchmetrics keeps boxes and recall levels in float32


class _Split(NamedTuple):
    """Detections and ground truth of a split, one entry per image."""

    detections: list[Detections]
    annotations: list[Annotation]

    def first(self, images: int) -> "_Split":
        return _Split(self.detections[:images], self.annotations[:images])


class _Rounds(NamedTuple):
    timed: int
    warmup: int


@checked
def benchmark_evaluate(
    images: Count = 5000,
    detections: Count = 100,
    objects: Count = 7,
    classes: ClassCounts = (20, 80),
    peer_images: Count | None = None,
    rounds: Count = 1,
    warmup: NotNegative = 0,
    seed: int = 0,
) -> Record:
    """Times our metrics and every peer that is installed, on one thread.

    Args:
        images: Images; COCO val2017 has 5,000.
        detections: Detections of each image.
        objects: Objects of an image, on average; COCO has 7.
        classes: Numbers of classes, each measured by itself; VOC has 20 and COCO 80.
        peer_images: Images on which the peers, and ours again, are timed, at most `images`; None = all. The peers take
            minutes on thousands of images.
        rounds: Timed passes of each.
        warmup: Passes of each before the clock counts.
        seed: Seed of the random boxes.

    Returns:
        Seconds of both metrics, beside each peer's.

    Raises:
        ValueError: For a setting that cannot be met, or if a peer finds another AP than ours.
    """
    if peer_images is not None and peer_images > images:
        raise ValueError(f"Expected peer_images of at most images={images}, or null, but got {peer_images}.")
    notes: list[str] = []
    measurements: list[Measurement] = []
    with cpu_threads(1):
        for count in classes:
            split = _random_split(images, detections, objects, count, seed)
            measurements += _measure(split, peer_images or images, count, _Rounds(rounds, warmup), notes)
    if any(each.beside for each in measurements):
        notes.append(_ABOUT_PEERS)
    setting = (
        f"Random boxes: {detections} detections and about {objects} objects an image, fed {_BATCH} images at a time; "
        f"one thread, {rounds} rounds."
    )
    packages = ("faster-coco-eval", "pycocotools", "torchmetrics")
    return Record("evaluate", setting, measurements, list(dict.fromkeys(notes)), packages)


def _measure(split: _Split, peer_images: int, classes: int, rounds: _Rounds, notes: list[str]) -> list[Measurement]:
    """Our times on all images, and each peer's beside ours of the same images."""
    images, few = len(split.annotations), split.first(peer_images)
    alone = _timed(_our_calls(split, classes), rounds)[0] if peer_images < images else {}
    ours, peers = _our_calls(few, classes), _peer_calls(few, classes, notes)
    seconds, ap = _timed({**ours, **peers}, rounds)
    _expect_the_same_ap(ap, peers)
    where = f"{classes} classes, {peer_images:,} images"
    return [
        Measurement(f"{name}, {classes} classes, {images:,} images", timing.median, "s")
        for name, timing in alone.items()
    ] + [
        Measurement(f"{name}, {where}", seconds[name].median, "s", peer, seconds[peer].median, target=_FIVE_TIMES)
        for name in ours
        for peer in peers
    ]


def _timed(calls: dict[str, Callable[[], float]], rounds: _Rounds) -> tuple[dict[str, Timing], dict[str, float]]:
    """Seconds of each call, and the value that it returned last."""
    values: dict[str, float] = {}

    def keeping(name: str) -> Callable[[], None]:
        return lambda: values.update({name: calls[name]()})

    return interleaved({name: keeping(name) for name in calls}, rounds.timed, rounds.warmup), values


def _expect_the_same_ap(ap: dict[str, float], peers: dict[str, Any]) -> None:
    """Times are comparable only if all computed the same: COCO's AP."""
    for peer in peers:
        if abs(ap[peer] - ap[_OURS[1]]) > _TOLERANCE[peer]:
            raise ValueError(
                f"Expected the AP of {peer}, {ap[peer]:.6f}, to be ours, {ap[_OURS[1]]:.6f}, but it is not: the times "
                "are not comparable; please report it with the versions of both packages."
            )


def _our_calls(split: _Split, classes: int) -> dict[str, Callable[[], float]]:
    names = [f"class {number}" for number in range(classes)]
    voc, coco = _OURS
    return {
        voc: lambda: _fed(VOCMetric(names), split).compute().map_50,
        coco: lambda: _fed(COCOMetric(names), split).compute().ap,
    }


def _fed(metric: Any, split: _Split) -> ImageRecordsMetric:
    for start in range(0, len(split.annotations), _BATCH):
        metric.update(split.detections[start : start + _BATCH], split.annotations[start : start + _BATCH])
    return metric


def _peer_calls(split: _Split, classes: int, notes: list[str]) -> dict[str, Callable[[], float]]:
    calls: dict[str, Callable[[], float]] = {}
    if import_peer("pycocotools.cocoeval", "pycocotools", notes):
        calls[_PYCOCOTOOLS] = lambda: _pycocotools(split, classes)
        if import_peer("torchmetrics.detection", "torchmetrics", notes):
            calls[_TORCHMETRICS] = lambda: _torchmetrics(split)
    return calls


def _pycocotools(split: _Split, classes: int) -> float:
    """AP by the official tool, from the same records in memory."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    records = list(_fed(COCOMetric([""] * classes), split)._records.values())
    truth: Any = COCO()
    truth.dataset, found = coco_lists(join_records(records), len(records), classes)
    with redirect_stdout(StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _torchmetrics(split: _Split) -> float:
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(backend="pycocotools", class_metrics=True)
    metric.warn_on_many_detections = False
    found = [one._asdict() for one in split.detections]
    truth = [
        {
            "boxes": torch.from_numpy(one.boxes),
            "labels": torch.from_numpy(one.labels),
            "area": torch.from_numpy(one.areas),
        }
        for one in split.annotations
    ]
    for start in range(0, len(found), _BATCH):
        metric.update(found[start : start + _BATCH], truth[start : start + _BATCH])
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(metric.compute()["map"])


def _random_split(images: int, detections: int, objects: int, classes: int, seed: int) -> _Split:
    """A third of the detections are jittered copies of objects, the others lie anywhere."""
    rng = np.random.default_rng(seed)
    split = _Split([], [])
    for image_id in range(1, images + 1):
        count = int(rng.integers(1, 2 * objects))
        truth, labels = _boxes(rng, count), rng.integers(0, classes, count)
        split.annotations.append(Annotation.of_boxes(image_id, f"{image_id}.jpg", 500, 500, truth, labels))
        source, copied = rng.integers(0, count, detections), rng.random(detections) < 0.3
        near = truth[source] + rng.normal(0, 5, (detections, 4)).astype(np.float32)
        boxes = torch.from_numpy(np.where(copied[:, None], near, _boxes(rng, detections)))
        found = torch.from_numpy(np.where(copied, labels[source], rng.integers(0, classes, detections)))
        scores = torch.from_numpy(np.sort(rng.random(detections).astype(np.float32))[::-1].copy())
        split.detections.append(Detections(boxes, scores, found))
    return split


def _boxes(rng: np.random.Generator, count: int) -> Float32[np.ndarray, "{count} 4"]:
    corner = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 200, (count, 2))], 1).astype(np.float32)
