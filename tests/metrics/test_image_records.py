"""What both metrics share: records by image id. Two processes are tested with each of them."""

import numpy as np
import pytest
from tests.measured_images import NAMES, feed, image
from torchmetrics import Metric

from lightweight_ssd.metrics.image_records import ImageRecord, ImageRecordsMetric, join_records


class Ids(ImageRecordsMetric[list[int]]):
    """Gives the number of objects of each image."""

    def _score(self, records: list[ImageRecord]) -> list[int]:
        return [len(record.object_labels) for record in records]


def _objects(image_ids: list[int]) -> list[int]:
    return [len(image(image_id)[1].labels) for image_id in image_ids]


def test_images_stand_by_rising_id_and_one_that_comes_twice_counts_once() -> None:
    metric = feed(Ids(NAMES), [4, 1, 3, 1, 2])
    assert metric.compute() == _objects([1, 2, 3, 4]) and list(metric.records()) == [1, 2, 3, 4]


def test_everything_an_annotation_knows_is_kept() -> None:
    found, known = image(2)
    count = len(known.labels)
    known = known._replace(crowd=np.arange(count) == 0, areas=np.arange(count, dtype=np.float32))
    metric = Ids(NAMES)
    metric.update([found], [known])
    record = join_records(list(metric._records.values())).columns
    for kept, given in zip(record[3:], (known.boxes, known.labels, known.difficult, known.crowd), strict=False):
        np.testing.assert_array_equal(kept, given)
    np.testing.assert_array_equal(record.areas, known.areas)


def test_joining_nothing_keeps_the_shapes() -> None:
    found, truth, columns = join_records([])
    assert found.shape == truth.shape == (0,) and columns.boxes.shape == columns.object_boxes.shape == (0, 4)


def test_joined_rows_name_their_image() -> None:
    records = [*feed(Ids(NAMES), [5, 1, 7])._records.values()]  # nothing there, an ordinary one, nothing found
    found, truth, columns = join_records(records)
    assert found.tolist() == [0] * 12 + [1] * 12 and len(columns.labels) == 24
    assert np.bincount(truth, minlength=3).tolist() == _objects([5, 1, 7])


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected one Detections per annotation but got 1 for 0"):
        Ids(NAMES).update([image(1)[0]], [])


def test_it_is_a_metric_that_never_answers_from_a_cache() -> None:
    metric = feed(Ids(NAMES), [1])
    assert isinstance(metric, Metric) and metric.compute() == _objects([1])
    metric.update([image(2)[0]], [image(2)[1]])
    assert metric.compute() == _objects([1, 2])
