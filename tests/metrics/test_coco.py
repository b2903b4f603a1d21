"""The COCO metric beside pycocotools, the official tool."""

import contextlib
import gc
import io
import math
import pickle
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tests.measured_images import NAMES, feed

from lightweight_ssd.metrics.coco import COCOMetric, COCOResult
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

CATEGORY_IDS = (1, 3, 17, 44, 90)  # with gaps, as COCO's own; the fourth never occurs
COLORS = ("red", "green", "blue", "never", "gray")
METRICS = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large",
           "ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large")  # fmt: skip


def scene(image_id: int, detections: int = 30) -> tuple[Detections, Annotation]:
    """Objects of all sizes, with crowds, masks smaller than their boxes and difficult ones; many equal scores."""
    rng = np.random.default_rng(image_id)
    count = 0 if image_id % 6 == 0 else int(rng.integers(1, 9))
    corner, side = rng.uniform(0, 300, (count, 2)), np.exp(rng.uniform(2, 5.3, (count, 2)))
    boxes = np.concatenate([corner, corner + side], 1).astype(np.float32)
    labels = rng.choice([0, 1, 2, 4], count)
    known = Annotation.of_boxes(image_id, f"{image_id}.jpg", 500, 500, boxes, labels, rng.random(count) < 0.1)
    areas = (known.areas * rng.uniform(0.4, 1, count)).astype(np.float32)
    known = known._replace(crowd=(rng.random(count) < 0.15) & ~known.difficult, areas=areas)
    found = 0 if image_id % 7 == 0 else detections
    near = rng.integers(0, count, found) if count else np.zeros(found, int)
    source, guessed = (boxes, labels) if count else (np.array([[0, 0, 90, 90]], np.float32), np.array([1]))
    guess = source[near] + rng.normal(0, 3, (found, 4)).astype(np.float32)
    guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
    scores = rng.integers(1, 30, found).astype(np.float32) / 30
    return Detections(torch.from_numpy(guess), torch.from_numpy(scores), torch.from_numpy(guessed[near])), known


def measure(pairs: list[tuple[Detections, Annotation]]) -> COCOResult:
    metric = COCOMetric(COLORS)
    metric.update([found for found, _ in pairs], [known for _, known in pairs])
    return metric.compute()


def official(pairs: list[tuple[Detections, Annotation]]) -> COCOeval:
    """The same by pycocotools; a difficult object gets an area beyond all ranges, which makes it ignored."""
    objects, results = [], []
    for found, known in pairs:
        for box, label, difficult, crowd, area in zip(*known[4:], strict=True):
            x, y, right, bottom = box.astype(float).tolist()
            objects.append({
                "id": len(objects) + 1, "image_id": known.image_id, "category_id": CATEGORY_IDS[label],
                "bbox": [x, y, right - x, bottom - y], "area": 2e10 if difficult else float(area),
                "iscrowd": int(crowd),
            })  # fmt: skip
        for box, score, label in zip(*(column.numpy() for column in found), strict=True):
            x, y, right, bottom = box.astype(float).tolist()
            results.append({
                "image_id": known.image_id, "category_id": CATEGORY_IDS[label], "score": float(score),
                "bbox": [x, y, right - x, bottom - y],
            })  # fmt: skip
    truth = COCO()
    truth.dataset = {
        "images": [{"id": known.image_id} for _, known in pairs],
        "categories": [{"id": number} for number in CATEGORY_IDS],
        "annotations": objects,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def assert_equal_to_official(pairs: list[tuple[Detections, Annotation]]) -> None:
    ours, theirs = measure(pairs), official(pairs)
    stats = np.where(theirs.stats < 0, np.nan, theirs.stats)
    np.testing.assert_allclose([ours.scalars()[name] for name in METRICS], stats, rtol=1e-12)
    precision = theirs.eval["precision"][:, :, :, 0, 2]
    class_ap = np.where(precision < 0, np.nan, precision)
    np.testing.assert_allclose(ours.class_ap, class_ap.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(ours.class_ap_50, class_ap[0].mean(0), rtol=1e-12)


@pytest.mark.slow
def test_equal_to_pycocotools_with_crowds_difficult_objects_and_gaps_in_the_ids() -> None:
    pairs = [scene(image_id) for image_id in range(3, 60, 2)]
    assert sum(int(known.crowd.sum()) for _, known in pairs) > 5
    assert sum(int(known.difficult.sum()) for _, known in pairs) > 5
    result = measure(pairs)
    assert 0.05 < result.ap < 0.95 and result.ar_1 < result.ar_10 < result.ar_100
    assert math.isnan(result.class_ap[3]) and result.objects[3] == 0
    assert_equal_to_official(pairs)


def test_equal_to_pycocotools_beyond_a_hundred_detections_of_a_class() -> None:
    pairs = [scene(image_id, detections=400) for image_id in (1, 2, 3)]
    assert max(np.bincount(found.labels.numpy()).max() for found, _ in pairs) > 100
    assert_equal_to_official(pairs)


def test_ground_truth_fed_back_gives_one() -> None:
    pairs = []
    for image_id in range(1, 30):
        known = scene(image_id)[1]
        boxes, labels = torch.from_numpy(known.boxes), torch.from_numpy(known.labels)
        pairs.append((Detections(boxes, torch.ones(len(labels)), labels), known))
    result = measure(pairs)
    metrics = result.scalars()
    assert list(metrics) == list(METRICS)
    ones = [name for name, value in metrics.items() if value == 1]
    assert ones == [name for name in METRICS if name != "ar_1"] and 0.3 < result.ar_1 < 1
    assert result.class_ap.tolist()[:3] == [1, 1, 1] and result.objects.sum() == sum(
        int((~known.ignored).sum()) for _, known in pairs
    )


def test_without_images_objects_or_detections_metrics_are_nan_or_zero_and_never_minus_one() -> None:
    nothing = scene(42)  # neither an object nor a detection
    lonely = (nothing[0], scene(1)[1])
    for pairs in ([], [nothing]):
        result = measure(pairs)
        assert all(math.isnan(value) for value in result.scalars().values()) and np.isnan(result.class_ap).all()
    metrics = measure([lonely]).scalars()
    assert metrics["ap"] == metrics["ar_100"] == 0
    assert not any(value < 0 for value in metrics.values())


def test_a_difficult_object_takes_one_detection_and_a_crowd_takes_all() -> None:
    boxes = np.array([[0, 0, 50, 50], [100, 100, 200, 200]], np.float32)
    known = Annotation.of_boxes(1, "1.jpg", 300, 300, boxes, np.array([0, 0]))
    second = np.array([False, True])
    found = Detections(
        torch.from_numpy(boxes[[1, 1, 0]]), torch.tensor([0.9, 0.8, 0.7]), torch.zeros(3, dtype=torch.int64)
    )
    assert measure([(found, known._replace(crowd=second))]).ap == 1
    assert measure([(found, known._replace(difficult=second))]).ap == 0.5  # the second of the two is false


def run_rank(rank: int, folder: str, shares: list[list[int]]) -> None:
    dist.init_process_group("gloo", f"file://{folder}/store", timedelta(seconds=300), len(shares), rank)
    result = feed(COCOMetric(NAMES), shares[rank]).compute()
    Path(folder, f"rank{rank}.pickle").write_bytes(pickle.dumps(result))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_equal_one_exactly(tmp_path: Path) -> None:
    """An odd set, padded as a distributed sampler pads it."""
    images = list(range(31))
    padded = [*images, images[0]]
    mp.spawn(run_rank, (str(tmp_path), [padded[0::2], padded[1::2]]), nprocs=2)
    single = feed(COCOMetric(NAMES), images).compute()
    assert 0.05 < single.ap < 0.95
    for rank in range(2):
        result = pickle.loads((tmp_path / f"rank{rank}.pickle").read_bytes())
        np.testing.assert_equal(result._asdict(), single._asdict())


def test_the_collector_is_as_it_was() -> None:
    pairs = [scene(image_id) for image_id in (1, 2)]
    for switch, expected in ((gc.disable, False), (gc.enable, True)):
        switch()
        measure(pairs)
        assert gc.isenabled() is expected
