"""Images with objects and imprecise detections, for tests of the metrics: image number i is always the same one."""

from typing import TypeVar

import numpy as np
import torch

from lightweight_ssd.metrics.image_records import ImageRecordsMetric
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

NAMES = ("ball", "box", "cone", "never")
M = TypeVar("M", bound=ImageRecordsMetric)


def image(image_id: int) -> tuple[Detections, Annotation]:
    """An image with up to three objects, found imprecisely; every fifth has none, every seventh shows nothing found."""
    rng = np.random.default_rng(image_id)
    count = 0 if image_id % 5 == 0 else int(rng.integers(1, 4))
    corner = rng.uniform(0, 100, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(30, 80, (count, 2))], 1).astype(np.float32)
    labels = rng.integers(0, 3, count)
    annotation = Annotation.of_boxes(image_id, f"{image_id}.jpg", 200, 200, boxes, labels, rng.random(count) < 0.2)
    found = 0 if image_id % 7 == 0 else 12
    noise = rng.normal(0, 8, (found, 4)).astype(np.float32)
    guess = np.resize(boxes if count else np.array([[0, 0, 50, 50]], np.float32), (found, 4)) + noise
    scores = np.sort(rng.integers(1, 20, found).astype(np.float32))[::-1] / 20
    guessed = np.resize(labels if count else np.array([0]), found)
    return Detections(torch.from_numpy(guess), torch.from_numpy(scores.copy()), torch.from_numpy(guessed)), annotation


def feed(metric: M, image_ids: list[int], batch: int = 4) -> M:
    """Updates the metric with these images and returns it."""
    for start in range(0, len(image_ids), batch):
        detections, annotations = zip(*map(image, image_ids[start : start + batch]), strict=True)
        metric.update(list(detections), list(annotations))
    return metric
