"""`lssd benchmark evaluate`: how long our metrics take beside pycocotools and torchmetrics.

All are given the same random detections: COCO's work (ten thresholds, four sizes, three limits) where COCO's rules are
compared; where VOC's are, the peers have no such figure and do COCO's work, which is what they offer for it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import hydra
from omegaconf import DictConfig, OmegaConf

from lightweight_ssd.benchmark.record import Figure, Record, Target, Timing, import_peer, interleaved, publish
from lightweight_ssd.commands.console import one_sentence_errors
from lightweight_ssd.config.paths import CONF_DIR

if TYPE_CHECKING:  # torch takes seconds to import, which `--help` should not
    import numpy as np

    from lightweight_ssd.metrics.image_records import ImageRecordsMetric
    from lightweight_ssd.tensor_types import Detections
    from lightweight_ssd.types import Annotation

__all__ = ["main", "measure"]

_BATCH = 32  # images that a metric is given at once
_FIVE_TIMES = Target("ratio", "<=", 0.2)
_OURS = ("VOC metric", "COCO metric")
_PYCOCOTOOLS, _TORCHMETRICS = "pycocotools", "torchmetrics, pycocotools backend"
_ABOUT_PEERS = (
    "The peers have no VOC figure: beside our VOC metric, too, they do COCO's work (ten thresholds, four sizes, three "
    "limits). Making its input from our records is part of pycocotools' time; torchmetrics also computes AP per class."
)
_SAME = {_PYCOCOTOOLS: 1e-9, _TORCHMETRICS: 5e-3}  # of AP; torchmetrics keeps boxes and levels of recall in float32


class _Split(NamedTuple):
    detections: "list[Detections]"
    annotations: "list[Annotation]"

    def first(self, images: int) -> "_Split":
        return _Split(self.detections[:images], self.annotations[:images])


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="benchmark_evaluate")
def main(cfg: DictConfig) -> None:
    """Entry point of `lssd benchmark evaluate`."""
    with one_sentence_errors("lssd benchmark evaluate"):
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        publish(measure(config), config["results"])


def measure(config: dict[str, Any]) -> Record:
    """Times our metrics and every peer that is installed.

    Args:
        config: As composed from `conf/benchmark_evaluate.yaml`, plain containers.

    Raises:
        ValueError: For a setting that cannot be met, or if a peer finds another AP than we do.
    """
    import torch

    _check(config)
    notes: list[str] = []
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        figures = [figure for classes in config["classes"] for figure in _figures(config, classes, notes)]
    finally:
        torch.set_num_threads(before)
    if any(figure.beside for figure in figures):
        notes.append(_ABOUT_PEERS)
    setting = (
        f"Random boxes: {config['detections']} detections and about {config['objects']} objects an image, fed {_BATCH} "
        f"images at a time; one thread, {config['rounds']} rounds."
    )
    return Record(
        "evaluate", setting, figures, list(dict.fromkeys(notes)), ("faster-coco-eval", "pycocotools", "torchmetrics")
    )


def _check(config: dict[str, Any]) -> None:
    least = {"images": 1, "detections": 1, "objects": 1, "rounds": 1, "warmup": 0}
    wrong = {key: config[key] for key, low in least.items() if not isinstance(config[key], int) or config[key] < low}
    if wrong:
        key, value = next(iter(wrong.items()))
        raise ValueError(f"Expected {key} as a whole number of at least {least[key]} but got {value}.")
    if not config["classes"] or not all(isinstance(count, int) and count > 0 for count in config["classes"]):
        raise ValueError(f"Expected classes as numbers of classes, such as [20,80], but got {config['classes']}.")
    peers = config["peer_images"]
    if peers is not None and not (isinstance(peers, int) and 1 <= peers <= config["images"]):
        raise ValueError(f"Expected peer_images from 1 to images={config['images']}, or null, but got {peers}.")


def _figures(config: dict[str, Any], classes: int, notes: list[str]) -> list[Figure]:
    """Our times on all images, and each peer's beside ours of the same images."""
    everything = _random_split(config, classes)
    few = everything.first(config["peer_images"] or config["images"])
    figures: list[Figure] = []
    if len(few.annotations) < config["images"]:
        alone, _ = _timed(config, _our_calls(everything, classes))
        figures += [
            Figure(f"{name}, {classes} classes, {config['images']:,} images", timing.median, "s")
            for name, timing in alone.items()
        ]
    ours, peers = _our_calls(few, classes), _peer_calls(few, classes, notes)
    seconds, ap = _timed(config, {**ours, **peers})
    _expect_the_same(ap, peers)
    where = f"{classes} classes, {len(few.annotations):,} images"
    return figures + [
        Figure(f"{name}, {where}", seconds[name].median, "s", peer, seconds[peer].median, target=_FIVE_TIMES)
        for name in ours
        for peer in peers
    ]


def _timed(config: dict[str, Any], calls: dict[str, Callable[[], float]]) -> tuple[dict[str, Timing], dict[str, float]]:
    """Seconds of each call, and the figure that it gave last."""
    found: dict[str, float] = {}

    def keeping(name: str) -> Callable[[], None]:
        return lambda: found.update({name: calls[name]()})

    return interleaved({name: keeping(name) for name in calls}, config["rounds"], config["warmup"]), found


def _expect_the_same(ap: dict[str, float], peers: dict[str, Any]) -> None:
    """A time means nothing if the work was another: COCO's AP must be the same for all."""
    for peer in peers:
        if abs(ap[peer] - ap[_OURS[1]]) > _SAME[peer]:
            raise ValueError(
                f"Expected the AP of {peer}, {ap[peer]:.6f}, to be ours, {ap[_OURS[1]]:.6f}, but it is not: the times "
                "are not comparable; please report it with the versions of both packages."
            )


def _our_calls(split: _Split, classes: int) -> dict[str, Callable[[], float]]:
    from lightweight_ssd.metrics.coco import COCOMetric
    from lightweight_ssd.metrics.voc import VOCMetric

    names = [f"class {number}" for number in range(classes)]
    voc, coco = _OURS
    return {
        voc: lambda: _fed(VOCMetric(names), split).compute().map_50,
        coco: lambda: _fed(COCOMetric(names), split).compute().ap,
    }


def _fed(metric: Any, split: _Split) -> "ImageRecordsMetric":
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
    from contextlib import redirect_stdout
    from io import StringIO

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    from lightweight_ssd.metrics.coco import COCOMetric, coco_lists
    from lightweight_ssd.metrics.image_records import join_records

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
    import warnings
    from contextlib import redirect_stdout
    from io import StringIO

    import torch
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


def _random_split(config: dict[str, Any], classes: int) -> _Split:
    """A third of the detections are jittered copies of objects, the others lie anywhere."""
    import numpy as np
    import torch

    from lightweight_ssd.tensor_types import Detections
    from lightweight_ssd.types import Annotation

    rng, each = np.random.default_rng(config["seed"]), config["detections"]
    split = _Split([], [])
    for image_id in range(1, config["images"] + 1):
        count = int(rng.integers(1, 2 * config["objects"]))
        objects, labels = _boxes(rng, count), rng.integers(0, classes, count)
        split.annotations.append(Annotation.of_boxes(image_id, f"{image_id}.jpg", 500, 500, objects, labels))
        source, copied = rng.integers(0, count, each), rng.random(each) < 0.3
        near = objects[source] + rng.normal(0, 5, (each, 4)).astype(np.float32)
        boxes = torch.from_numpy(np.where(copied[:, None], near, _boxes(rng, each)))
        found = torch.from_numpy(np.where(copied, labels[source], rng.integers(0, classes, each)))
        scores = torch.from_numpy(np.sort(rng.random(each).astype(np.float32))[::-1].copy())
        split.detections.append(Detections(boxes, scores, found))
    return split


def _boxes(rng: "np.random.Generator", count: int) -> "np.ndarray":
    import numpy as np

    corner = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 200, (count, 2))], 1).astype(np.float32)
