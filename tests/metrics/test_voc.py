import copy
import math
import pickle
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from tests.measured_images import NAMES, feed, image

from lightweight_ssd.metrics.voc import VOCMetric, VOCResult
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation


def assert_same(left: VOCResult, right: VOCResult) -> None:
    assert left.class_names == right.class_names
    np.testing.assert_equal(left.scalars(), right.scalars())
    for name in ("ap_50", "ap_50_11point", "ap_50_95", "objects", "confusion"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
    for ours, theirs in zip(left.curves, right.curves, strict=True):
        for column, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(column, other)


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_without_any_image_all_metrics_are_nan():
    metric = VOCMetric(NAMES)
    metric.update([], [])
    result = metric.compute()
    assert all(math.isnan(value) for value in result.scalars().values())
    assert result.confusion.shape == (5, 5) and metric.records() == {}


def test_an_image_without_objects_and_detections():
    metric = VOCMetric(NAMES)
    metric.update(*([value] for value in image(35)))
    assert math.isnan(metric.compute().map_50)
    assert metric.records()[35].boxes.shape == (0, 4)


def test_perfect_detections_give_one_and_absent_classes_stay_out_of_the_mean():
    metric = VOCMetric(NAMES)
    for image_id in range(20):
        annotation = image(image_id)[1]
        scores = torch.ones(len(annotation.labels))
        found = Detections(torch.from_numpy(annotation.boxes), scores, torch.from_numpy(annotation.labels))
        metric.update([found], [annotation])
    result = metric.compute()
    assert result.map_50 == result.map_50_95 == 1.0
    assert result.map_50_11point == pytest.approx(1.0, abs=1e-15)
    assert np.isnan(result.ap_50).tolist() == [False, False, False, True]
    assert result.objects[3] == 0


def test_batches_and_their_order_change_nothing():
    forward = feed(VOCMetric(NAMES), list(range(31)), batch=1).compute()
    assert 0.05 < forward.map_50 < 0.95
    assert_same(forward, feed(VOCMetric(NAMES), list(range(30, -1, -1)), batch=7).compute())


def test_an_image_that_comes_twice_counts_once():
    once, twice = feed(VOCMetric(NAMES), list(range(9))), feed(VOCMetric(NAMES), [*range(9), 0, 1, 2])
    assert_same(once.compute(), twice.compute())


def test_compute_twice_then_more_images_then_reset():
    metric = feed(VOCMetric(NAMES), list(range(9)))
    first = metric.compute()
    assert_same(first, metric.compute())
    feed(metric, list(range(9, 20)))
    assert_same(metric.compute(), feed(VOCMetric(NAMES), list(range(20))).compute())
    metric.reset()
    assert metric.records() == {}
    assert_same(feed(metric, list(range(9))).compute(), first)


def test_forward_only_updates():
    metric = VOCMetric(NAMES)
    assert metric([image(1)[0]], [image(1)[1]]) is None
    metric([image(2)[0]], [image(2)[1]])
    assert list(metric.records()) == [1, 2]


def test_pickle_and_deepcopy_keep_the_records():
    metric = feed(VOCMetric(NAMES), list(range(9)))
    expected = metric.compute()
    assert_same(pickle.loads(pickle.dumps(metric)).compute(), expected)
    clone = copy.deepcopy(metric)
    metric.reset()
    assert_same(clone.compute(), expected)
    assert metric.state_dict() == {}


def test_half_precision_detections_are_taken():
    detections, annotation = image(1)
    half = Detections(detections.boxes.bfloat16(), detections.scores.bfloat16(), detections.labels.int())
    metric = VOCMetric(NAMES)
    metric.update([half], [annotation])
    record = metric.records()[1]
    assert record.boxes.dtype == torch.float32 and record.labels.dtype == torch.int64


def test_records_are_the_detections_by_image_id():
    metric = feed(VOCMetric(NAMES), [3, 1, 2])
    records = metric.records()
    assert list(records) == [1, 2, 3]
    for image_id, record in records.items():
        for kept, given in zip(record, image(image_id)[0], strict=True):
            assert torch.equal(kept, given)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="Expected one Detections per annotation but got 1 for 0"):
        VOCMetric(NAMES).update([image(1)[0]], [])


def test_a_label_without_a_name_is_refused_with_its_image():
    detections, annotation = image(1)
    with pytest.raises(ValueError, match=r"Expected labels from 0 to 0 but got .* for 1\.jpg"):
        VOCMetric(["ball"]).update([detections._replace(labels=detections.labels * 0 + 2)], [annotation])


def test_a_detection_inside_a_crowd_counts_neither_way():
    boxes = np.array([[0, 0, 20, 20], [100, 100, 190, 190]], np.float32)
    known = Annotation.of_boxes(1, "1.jpg", 200, 200, boxes, np.array([0, 0]))
    inside = torch.tensor([[110.0, 110, 130, 130], [0, 0, 20, 20]])
    found = Detections(inside, torch.tensor([0.9, 0.5]), torch.tensor([0, 0]))

    def ap(annotation: Annotation) -> tuple[float, int]:
        metric = VOCMetric(NAMES)
        metric.update([found], [annotation])
        return metric.compute().map_50, int(metric.compute().objects[0])

    assert ap(known) == (0.25, 2)
    assert ap(known._replace(crowd=np.array([False, True]))) == (1.0, 1)


def run_rank(rank: int, folder: str, shares: list[list[int]]) -> None:
    dist.init_process_group("gloo", f"file://{folder}/store", timedelta(seconds=300), len(shares), rank)
    metric = feed(VOCMetric(NAMES), shares[rank])
    results = [metric.compute(), metric.compute()]
    metric.reset()
    # Rank 1 has no image, and no news either at the second call: a cached result would leave rank 0 waiting.
    feed(metric, list(range(31)) if rank == 0 else [])
    results.append(metric.compute())
    feed(metric, [500] if rank == 0 else [])
    results.append(metric.compute())
    Path(folder, f"rank{rank}.pickle").write_bytes(pickle.dumps((results, list(metric.records()))))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_equal_one_exactly(tmp_path: Path):
    """An odd set, padded as a distributed sampler pads it; then a rank without any image."""
    images = list(range(31))
    padded = [*images, images[0]]
    mp.spawn(run_rank, (str(tmp_path), [padded[0::2], padded[1::2]]), nprocs=2)
    single = feed(VOCMetric(NAMES), images).compute()
    with_one_more = feed(VOCMetric(NAMES), [*images, 500]).compute()
    for rank in range(2):
        results, kept = pickle.loads((tmp_path / f"rank{rank}.pickle").read_bytes())
        for result in results[:3]:
            assert_same(result, single)
        assert_same(results[3], with_one_more)
        assert kept == ([*images, 500] if rank == 0 else [])
