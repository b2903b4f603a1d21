"""Assignment of each detection, and that its sum is the average precision that is reported."""

import numpy as np
import pytest

from lightweight_ssd.metrics.assignment import assign_detections, average_precision_of, class_spans, pairs_of_an_image
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision

BOX = np.array([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]])


def test_true_false_and_neither_with_their_object():
    truth = PackedObjects(np.zeros(2, int), np.zeros(2, int), BOX, np.array([False, True]))
    boxes = np.array([BOX[1], BOX[0], BOX[0], [0.0, 0.0, 10.0, 4.0], [80.0, 80.0, 90.0, 90.0]])
    found = PackedDetections(np.zeros(5, int), np.zeros(5, int), np.array([0.9, 0.7, 0.8, 0.6, 0.5]), boxes)
    assignment = assign_detections(found, truth, 1)
    assert assignment.order.tolist() == [0, 2, 1, 3, 4]
    assert assignment.detections.scores.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert assignment.target.tolist() == [1, 0, 0, 0, 0]
    assert assignment.iou == pytest.approx([1, 1, 1, 0.4, 0])
    assert assignment.true.tolist() == [False, True, False, False, False]
    assert assignment.false.tolist() == [False, False, True, True, True]


def test_without_an_object_of_its_class_a_detection_has_no_target():
    truth = PackedObjects(np.array([0, 1]), np.array([1, 0]), BOX, np.zeros(2, bool))
    found = PackedDetections(np.array([0]), np.array([0]), np.array([0.5]), BOX[:1])
    assignment = assign_detections(found, truth, 2)
    assert assignment.target.tolist() == [-1] and assignment.iou.tolist() == [0] and assignment.false.tolist() == [True]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_true_and_false_positives_sum_up_to_the_reported_average_precision(threshold: float):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (60, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 60, (60, 2))], 1)
    truth = PackedObjects(rng.integers(0, 9, 60), rng.integers(0, 3, 60), boxes, rng.random(60) < 0.2)
    near = np.repeat(boxes, 3, 0) + rng.normal(0, 5, (180, 4))
    found = PackedDetections(
        np.repeat(truth.image_index, 3), np.repeat(truth.labels, 3), rng.integers(0, 20, 180) / 20, near
    )
    assignment = assign_detections(found, truth, 4, threshold)
    asked = np.bincount(truth.labels[~truth.difficult], minlength=4)
    areas = average_precision_of(assignment.detections.labels, assignment.true, assignment.false, asked)
    np.testing.assert_array_equal(areas, voc_average_precision(found, truth, 4, (threshold,)).area[0])


def test_nothing_keeps_the_shapes():
    found = PackedDetections(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 4)))
    truth = PackedObjects(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, bool))
    assignment = assign_detections(found, truth, 0)
    assert assignment.true.shape == assignment.iou.shape == (0,)
    assert class_spans(assignment.detections.labels, 0) == []
    assert (
        average_precision_of(assignment.detections.labels, assignment.true, assignment.false, np.zeros(0, int)).size
        == 0
    )


def test_pairs_are_of_one_image_and_any_class():
    truth = PackedObjects(np.array([0, 1, 1]), np.array([0, 1, 2]), BOX[[0, 0, 1]], np.zeros(3, bool))
    found = PackedDetections(np.array([1, 2]), np.array([0, 0]), np.array([0.5, 0.5]), BOX[[0, 0]])
    pairs = pairs_of_an_image(found, truth)
    assert [column.tolist() for column in pairs] == [[0, 0], [1, 2], [1.0, 0.0]]


@pytest.mark.parametrize("threshold", [0.0, 1.2])
def test_a_threshold_outside_its_range_is_refused(threshold: float):
    found = PackedDetections(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 4)))
    truth = PackedObjects(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, bool))
    with pytest.raises(ValueError, match="Expected an IoU threshold in"):
        assign_detections(found, truth, 1, threshold)
