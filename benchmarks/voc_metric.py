"""How long the VOC metric takes beside torchmetrics' mean average precision, on the same random detections.

    python benchmarks/voc_metric.py                     # 4,952 images, as VOC 2007 test has; slow, for the others' sake
    python benchmarks/voc_metric.py --images 500 --repeats 3

Each time covers feeding all images, 32 at a time, and computing all ten thresholds, on one thread. Ours gives the area
and the 11-point figure, torchmetrics COCO's; the figures differ, the work does not. Promise: at most 5 s for ours.
"""

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torchmetrics.detection import MeanAveragePrecision

from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.types import Annotation, Detections

CLASSES = 20
BATCH = 32


def random_split(images: int, per_image: int) -> tuple[list[Detections], list[Annotation]]:
    """About two and a half objects an image; a third of the detections are jittered copies of them."""
    rng = np.random.default_rng(0)
    detections, annotations = [], []
    for image_id in range(images):
        count = int(rng.integers(1, 5))
        truth, labels = _boxes(rng, count), rng.integers(0, CLASSES, count)
        annotations.append(
            Annotation.of_boxes(image_id, f"{image_id}.jpg", 375, 500, truth, labels, rng.random(count) < 0.15)
        )
        source, copied = rng.integers(0, count, per_image), rng.random(per_image) < 0.3
        near = truth[source] + rng.normal(0, 8, (per_image, 4)).astype(np.float32)
        boxes = np.where(copied[:, None], near, _boxes(rng, per_image))
        found = np.where(copied, labels[source], rng.integers(0, CLASSES, per_image))
        scores = np.sort(rng.random(per_image).astype(np.float32))[::-1].copy()
        detections.append(Detections(torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(found)))
    return detections, annotations


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 200, (count, 2))], 1).astype(np.float32)


def run_ours(detections: list[Detections], annotations: list[Annotation]) -> float:
    metric = VOCMetric([f"class {i}" for i in range(CLASSES)])
    for start in range(0, len(detections), BATCH):
        metric.update(detections[start : start + BATCH], annotations[start : start + BATCH])
    return metric.compute().map_50


def run_torchmetrics(backend: str, detections: list[Detections], annotations: list[Annotation]) -> float:
    metric = MeanAveragePrecision(backend=backend, class_metrics=True)
    found = [d._asdict() for d in detections]
    truth = [{"boxes": torch.from_numpy(a.boxes), "labels": torch.from_numpy(a.labels)} for a in annotations]
    for start in range(0, len(found), BATCH):
        metric.update(found[start : start + BATCH], truth[start : start + BATCH])
    with redirect_stdout(StringIO()):
        return float(metric.compute()["map_50"])


def median_seconds(run: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Median over the repeats, and the figure that was computed."""
    seconds, figure = [], 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        figure = run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4952)
    parser.add_argument("--per-image", type=int, default=100, help="detections per image")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each, the median is printed; ours runs 5 more")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    split = random_split(options.images, options.per_image)
    print(f"{options.images} images x {options.per_image} detections x {CLASSES} classes, one thread of {_machine()}")
    ours, figure = median_seconds(lambda: run_ours(*split), options.repeats + 5)
    print(f"{'VOCMetric':38} {ours:8.2f} s            mAP50 {figure:.4f}")
    for backend in ("faster_coco_eval", "pycocotools"):
        seconds, figure = median_seconds(lambda: run_torchmetrics(backend, *split), options.repeats)  # noqa: B023
        print(
            f"{'torchmetrics, ' + backend:38} {seconds:8.2f} s {seconds / ours:8.1f} x  mAP50 {figure:.4f}", flush=True
        )


def _machine() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            name = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name} ({os.cpu_count()} cores), torch {torch.__version__}, numpy {np.__version__}"


if __name__ == "__main__":
    main()
