import numpy as np
import pytest

from lightweight_ssd.analysis.disagreement import image_scores, most_disagreed
from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects

BOX = np.array([0.0, 0.0, 10.0, 10.0])
FAR = BOX + 50


def scores_of(found: list[tuple[int, int, float, np.ndarray]], truth: list[tuple[int, int, np.ndarray, bool]]) -> list:
    """Scores of four images; detections as (image, class, score, box), objects as (image, class, box, difficult)."""
    image, label, score, box = (list(column) for column in zip(*found, strict=True)) if found else ([],) * 4
    detections = PackedDetections(
        np.array(image, int), np.array(label, int), np.array(score, float), np.array(box, float).reshape(-1, 4)
    )
    image, label, box, hard = (list(column) for column in zip(*truth, strict=True)) if truth else ([],) * 4
    objects = PackedObjects(
        np.array(image, int), np.array(label, int), np.array(box, float).reshape(-1, 4), np.array(hard, bool)
    )
    names = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    sizes = np.full((4, 2), 100)
    return image_scores(
        EvaluatedSet(np.arange(4), names, (None,) * 4, sizes, ("cat", "dog"), detections, objects)
    ).tolist()


def test_all_right_all_wrong_and_nothing_to_find():
    truth = [(0, 0, BOX, False), (1, 0, BOX, False)]
    found = [(0, 0, 0.9, BOX), (1, 1, 0.9, BOX), (2, 0, 0.9, BOX)]
    assert scores_of(found, truth) == [1.0, 0.0, 0.0, 1.0]


def test_half_right_counts_false_and_missed_alike():
    truth = [(0, 0, BOX, False), (0, 0, FAR, False), (1, 0, BOX, False)]
    found = [(0, 0, 0.9, BOX), (1, 0, 0.9, BOX), (1, 0, 0.8, BOX)]
    assert scores_of(found, truth)[:2] == pytest.approx([2 / 3, 2 / 3])


def test_low_scores_are_not_found_and_a_score_on_the_threshold_is():
    truth = [(0, 0, BOX, False), (1, 0, BOX, False)]
    assert scores_of([(0, 0, 0.29, BOX), (1, 0, 0.3, BOX)], truth)[:2] == [0.0, 1.0]


def test_difficult_objects_count_neither_way():
    truth = [(0, 0, BOX, True), (1, 0, BOX, True), (2, 0, BOX, True), (2, 0, FAR, False)]
    found = [(0, 0, 0.9, BOX), (2, 0, 0.9, BOX), (2, 0, 0.8, FAR)]
    assert scores_of(found, truth) == [1.0, 1.0, 1.0, 1.0]


def test_the_largest_difference_comes_first_whatever_its_sign_and_ties_by_place():
    order = most_disagreed(np.array([0.5, 0.0, 1.0, 0.2]), np.array([0.5, 0.7, 0.0, 0.9]), 4)
    assert order.tolist() == [2, 1, 3, 0]
    assert most_disagreed(np.zeros(3), np.zeros(3), 2).tolist() == [0, 1]
    assert most_disagreed(np.zeros(3), np.zeros(3), 9).shape == (3,)
    assert most_disagreed(np.zeros(3), np.zeros(3), -1).shape == (0,)


def test_scores_of_other_images_are_refused():
    with pytest.raises(ValueError, match="got 3 and 2"):
        most_disagreed(np.zeros(3), np.zeros(2), 1)
