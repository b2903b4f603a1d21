import numpy as np
import pytest

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.analysis.object_size import precision_by_size
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision

SIDES = (10.0, 50.0, 200.0)  # of a small, a medium and a large object


def squares(sides: list[float], at: float = 0.0) -> np.ndarray:
    return np.array([[at, at, at + side, at + side] for side in sides]).reshape(-1, 4)


def evaluated(found: np.ndarray, truth: np.ndarray, difficult: list[bool] | None = None) -> EvaluatedSet:
    """One class; the detections by falling score, and everything in one image each by its place."""
    detections = PackedDetections(
        np.arange(len(found)), np.zeros(len(found), int), np.linspace(0.9, 0.1, len(found)), found
    )
    hard = np.zeros(len(truth), bool) if difficult is None else np.array(difficult)
    objects = PackedObjects(np.arange(len(truth)), np.zeros(len(truth), int), truth, hard)
    images = max(len(found), len(truth))
    names = tuple(f"{image}.jpg" for image in range(images))
    return EvaluatedSet(
        np.arange(images), names, (None,) * images, np.full((images, 2), 500), ("cat",), detections, objects
    )


@pytest.mark.parametrize("place", range(3))
def test_an_object_that_is_missed_costs_its_own_size_alone(place: int):
    found = squares(list(SIDES))
    found[place] += 300  # elsewhere, and so a false positive of the same size besides
    result = precision_by_size(evaluated(found, squares(list(SIDES))))
    assert [result[size] for size in range(3) if size != place] == [1.0, 1.0] and result[place] == 0.0


def test_false_positives_count_for_the_size_of_their_own_box():
    truth = squares(list(SIDES))
    found = np.concatenate([squares([12.0], at=300), truth])
    shifted = evaluated(found, np.concatenate([squares([1.0], at=400), truth]), [True, False, False, False])
    result = precision_by_size(shifted)
    assert result.small == 0.5 and result.medium == result.large == 1.0


def test_limits_belong_to_the_larger_size():
    limits = squares([31.99, 32.0, 95.99, 96.0])
    hits = np.array([False, True, False, True])
    found = limits + np.where(hits, 0, 300)[:, None]
    result = precision_by_size(evaluated(found, limits))
    assert result.small == 0.0 and result.large == 1.0
    assert result.medium == pytest.approx(0.5)  # one of two, found before the false positive of that size


def test_a_size_without_countable_objects_is_nan():
    result = precision_by_size(evaluated(squares([10.0]), squares([10.0, 50.0]), [False, True]))
    assert result.small == 1.0 and np.isnan(result.medium) and np.isnan(result.large)


def test_objects_of_one_size_give_the_figure_of_the_whole():
    rng = np.random.default_rng(0)
    truth = squares([60.0] * 40)
    scene = evaluated(truth + rng.normal(0, 9, truth.shape), truth, (rng.random(40) < 0.3).tolist())
    whole = voc_average_precision(scene.detections, scene.objects, 1, (0.5,)).area.item()
    assert precision_by_size(scene).medium == whole and 0.1 < whole < 0.9
