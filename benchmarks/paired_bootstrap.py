"""How long the paired bootstrap of two rows takes, on random detections, on one core.

    python benchmarks/paired_bootstrap.py                      # 1,000 resamples, 4,952 images as VOC 2007 test has
    python benchmarks/paired_bootstrap.py --resamples 200 --repeats 3

The time covers the draws, judging the detections of both rows, all resamples of both, and the interval; reading files
is not in it. Promise: at most 20 s for two rows of one run each.
"""

import argparse
import os
import platform
import resource
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.analysis.paired_bootstrap import Interval, bootstrap_map, draw_images, paired_difference
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision

CLASSES = 20


def random_objects(images: int, rng: np.random.Generator) -> PackedObjects:
    """One to four objects an image, a seventh of them difficult, as many as VOC 2007 test has."""
    counts = rng.integers(1, 5, images)
    total = int(counts.sum())
    image_index = np.repeat(np.arange(images), counts)
    return PackedObjects(image_index, rng.integers(0, CLASSES, total), _boxes(rng, total), rng.random(total) < 0.15)


def random_row(objects: PackedObjects, images: int, per_image: int, jitter: float, seed: int) -> EvaluatedSet:
    """A third of the detections are jittered copies of objects of their image; scores never tie."""
    rng = np.random.default_rng(seed)
    first = np.searchsorted(objects.image_index, np.arange(images + 1))
    image_index = np.repeat(np.arange(images), per_image)
    source = rng.integers(first[image_index], first[image_index + 1])
    copied = rng.random(len(image_index)) < 0.3
    near = objects.boxes[source] + rng.normal(0, jitter, (len(source), 4)).astype(np.float32)
    boxes = np.where(copied[:, None], near, _boxes(rng, len(source)))
    labels = np.where(copied, objects.labels[source], rng.integers(0, CLASSES, len(source)))
    found = PackedDetections(image_index, labels, rng.random(len(source)).astype(np.float32), boxes)
    names = tuple(f"{index}.jpg" for index in range(images))
    classes = tuple(f"class {label}" for label in range(CLASSES))
    sizes = np.tile([375, 500], (images, 1))
    return EvaluatedSet(np.arange(images), names, (None,) * images, sizes, classes, found, objects)


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 300, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 200, (count, 2))], 1).astype(np.float32)


def compare(row: EvaluatedSet, baseline: EvaluatedSet, point: float, resamples: int) -> Interval:
    draws = draw_images(len(row.image_ids), resamples, seed=0)
    resampled = [bootstrap_map(evaluated, draws)[None] for evaluated in (row, baseline)]
    return paired_difference(resampled[0], resampled[1], [0], [0], point, seed=0)


def whole_map(evaluated: EvaluatedSet) -> float:
    area = voc_average_precision(evaluated.detections, evaluated.objects, CLASSES, (0.5,)).area
    return float(np.nanmean(area))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4952)
    parser.add_argument("--per-image", type=int, default=100, help="detections per image")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3, help="the median is printed")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    objects = random_objects(options.images, np.random.default_rng(0))
    row = random_row(objects, options.images, options.per_image, jitter=7.5, seed=1)
    baseline = random_row(objects, options.images, options.per_image, jitter=8.0, seed=2)
    size = f"{options.resamples} resamples x {options.images} images x {options.per_image} detections"
    print(f"{size} x {CLASSES} classes x 2 rows, one core of {_machine()}", flush=True)
    point, seconds = whole_map(row) - whole_map(baseline), []
    interval = compare(row, baseline, point, options.resamples)  # the first run also warms up
    for _ in range(options.repeats):
        start = time.perf_counter()
        compare(row, baseline, point, options.resamples)
        seconds.append(time.perf_counter() - start)
    print(f"difference {interval.mean:+.4f}, 95 % interval {interval.low:+.4f} to {interval.high:+.4f}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"median {statistics.median(seconds):.2f} s of {options.repeats}, peak memory {memory:.0f} MiB")


def _machine() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            name = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, numpy {np.__version__}"


if __name__ == "__main__":
    main()
