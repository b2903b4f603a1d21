"""Crowds under VOC's rules: taken out with what only they explain."""

import numpy as np
import pytest

from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects
from lightweight_ssd.metrics.crowd import drop_crowd_regions

CROWD = [0.0, 0.0, 100.0, 100.0]


def _left(box: list[float], label: int = 0, image: int = 0, extra: list[float] | None = None) -> int:
    """How many of one detection stay beside a crowd of class 0 in image 0, and an object of it where one is given."""
    boxes = np.array([CROWD] + ([extra] if extra else []))
    zeros = np.zeros(len(boxes), int)
    truth = PackedObjects(zeros, zeros, boxes, zeros > 0)
    found = PackedDetections(np.array([image]), np.array([label]), np.array([0.5]), np.array([box], float))
    rest, single = drop_crowd_regions(found, truth, np.arange(len(boxes)) == 0, num_classes=2)
    assert single.boxes.tolist() == ([extra] if extra else [])
    return len(rest.labels)


@pytest.mark.parametrize(
    ("box", "stays"),
    [
        ([10.0, 10, 20, 20], 0),  # inside, although its IoU is a hundredth
        ([50.0, 0, 150, 100], 0),  # half of it
        ([51.0, 0, 151, 100], 1),
        ([-50.0, -50, 250, 250], 1),  # around the crowd
        ([200.0, 200, 220, 220], 1),
        ([10.0, 10, 10, 20], 1),  # without an area
    ],
)
def test_share_of_the_detection_decides(box: list[float], stays: int) -> None:
    assert _left(box) == stays


def test_other_classes_and_images_are_left_alone() -> None:
    assert _left([10, 10, 20, 20], label=1) == _left([10, 10, 20, 20], image=1) == 1


def test_a_detection_of_an_object_in_the_crowd_stays() -> None:
    assert _left([10, 10, 20, 20], extra=[10.0, 10.0, 20.0, 18.0]) == 1
    assert _left([10, 10, 20, 20], extra=[40.0, 40.0, 60.0, 60.0]) == 0


def test_without_crowds_nothing_is_copied() -> None:
    truth = PackedObjects(np.array([0]), np.array([0]), np.array([CROWD]), np.array([True]))
    found = PackedDetections(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 4)))
    rest, single = drop_crowd_regions(found, truth, np.array([False]), 1)
    assert rest is found and single is truth
    assert len(drop_crowd_regions(found, truth, np.array([True]), 1)[1].labels) == 0
