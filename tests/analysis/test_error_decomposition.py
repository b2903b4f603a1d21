"""Each kind of error by hand, and random scenes against figures that the method's own tool gave for them."""

import random

import numpy as np
import pytest

from lightweight_ssd.analysis.error_decomposition import ErrorCounts, ErrorDecomposition, decompose_errors
from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision

KINDS = ErrorCounts._fields
HERE, LOOSE, THERE = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 3.0), (50.0, 50.0, 60.0, 60.0)
Box = tuple[float, float, float, float]


def evaluated(
    found: list[tuple[int, int, float, Box]], truth: list[tuple[int, int, Box]], classes: int, difficult: tuple = ()
) -> EvaluatedSet:
    """Detections as (image, class, score, box), objects as (image, class, box); which objects are difficult."""
    images = 1 + max([row[0] for row in found + truth], default=0)
    columns = [np.array([row[place] for row in found]) for place in range(3)]
    integers = [column.astype(int) for column in columns[:2]]
    detections = PackedDetections(*integers, columns[2].astype(float), boxes_of(found))
    hard = np.isin(np.arange(len(truth)), difficult)
    objects = PackedObjects(*(np.array([row[i] for row in truth], int) for i in range(2)), boxes_of(truth), hard)
    names, none = tuple(f"{image}.jpg" for image in range(images)), (None,) * images
    class_names = tuple(f"class {label}" for label in range(classes))
    return EvaluatedSet(np.arange(images), names, none, np.full((images, 2), 400), class_names, detections, objects)


def boxes_of(rows: list) -> np.ndarray:
    return np.array([row[-1] for row in rows], float).reshape(-1, 4)


def random_scene(seed: int, images: int = 40, classes: int = 4) -> EvaluatedSet:
    """Objects far apart, so that VOC's matching and COCO's agree; Python's own random numbers, equal everywhere."""
    rng, found, truth = random.Random(seed), [], []
    for image in range(images):
        for column, row in rng.sample([(x, y) for x in range(3) for y in range(3)], rng.randrange(1, 6)):
            x, y = 100 * column + 20 + 10 * rng.random(), 100 * row + 20 + 10 * rng.random()
            box = (x, y, x + 30 + 30 * rng.random(), y + 30 + 30 * rng.random())
            label = rng.randrange(classes)
            truth.append((image, label, box))
            for _ in range(rng.randrange(0, 5)):
                spread = rng.choice((2, 8, 16))
                near = tuple(value + rng.gauss(0, spread) for value in box)
                if near[2] > near[0] + 1 and near[3] > near[1] + 1:
                    taken_for = label if rng.random() < 0.6 else rng.randrange(classes)
                    found.append((image, taken_for, rng.random(), near))
        for _ in range(rng.randrange(0, 3)):
            x, y = 300 * rng.random(), 300 * rng.random()
            box = (x, y, x + 20 + 40 * rng.random(), y + 20 + 40 * rng.random())
            found.append((image, rng.randrange(classes), rng.random(), box))
    return evaluated(found, truth, classes)


# What tidecv 1.0.1 gives for the scenes above, once its 101-point average precision is exchanged for the area. With its
# own average precision the lost mAP differs by up to 0.004 from these. The package is no dependency of the tests: it
# requires opencv-python, which overwrites the headless OpenCV of this project.
TOOL = {
    0: (
        (51, 51, 23, 46, 35, 22),
        (0.102936, 0.181556, 0.017896, 0.023871, 0.028098, 0.054102, 0.359984, 0.154263),
    ),
    1: (
        (45, 53, 22, 33, 44, 24),
        (0.096521, 0.139468, 0.023795, 0.012264, 0.050162, 0.064095, 0.342837, 0.171324),
    ),
    2: (
        (42, 62, 27, 43, 43, 32),
        (0.084084, 0.126623, 0.020481, 0.012547, 0.038213, 0.058830, 0.342532, 0.161993),
    ),
}


@pytest.mark.parametrize("seed", TOOL)
def test_equals_the_tool_of_the_methods_authors(seed: int):
    result = decompose_errors(random_scene(seed))
    counts, lost = TOOL[seed]
    assert tuple(result.counts) == counts
    assert tuple(result[:8]) == pytest.approx(lost, abs=2e-6)


def lost(result: ErrorDecomposition) -> dict[str, float]:
    return {kind: getattr(result, kind) for kind in KINDS if getattr(result, kind) > 0}


def counted(result: ErrorDecomposition) -> dict[str, int]:
    return {kind: count for kind, count in result.counts._asdict().items() if count}


def test_a_wrong_class_is_a_hit_of_the_right_one():
    # The detection stands first in the list of class 1 and above nothing in that of class 0.
    result = decompose_errors(
        evaluated([(0, 1, 0.9, HERE), (0, 1, 0.8, THERE)], [(0, 0, HERE), (0, 1, THERE)], classes=2)
    )
    assert counted(result) == {"classification": 1}
    assert lost(result) == {"classification": pytest.approx(1 - 0.25)}  # before: class 0 at 0, class 1 at ½


def test_a_loose_box_is_a_hit_in_its_own_place():
    result = decompose_errors(evaluated([(0, 0, 0.9, LOOSE)], [(0, 0, HERE)], classes=1))
    assert counted(result) == {"localization": 1} and lost(result) == {"localization": 1.0}


def test_wrong_in_class_and_place_is_left_out_and_its_object_missed():
    result = decompose_errors(
        evaluated([(0, 1, 0.9, LOOSE), (0, 1, 0.8, THERE)], [(0, 0, HERE), (0, 1, THERE)], classes=2)
    )
    assert counted(result) == {"both": 1, "missed": 1}
    # Class 1 rises from ½ to 1; class 0 has nothing found, so that without its one object it stays at 0.
    assert lost(result) == {"both": pytest.approx(0.25)}


def test_a_duplicate_is_left_out():
    result = decompose_errors(
        evaluated([(0, 0, 0.9, HERE), (0, 0, 0.8, HERE), (0, 0, 0.7, THERE)], [(0, 0, HERE), (0, 0, THERE)], classes=1)
    )
    assert counted(result) == {"duplicate": 1} and lost(result) == {"duplicate": pytest.approx(1 - (1 + 2 / 3) / 2)}


def test_a_detection_of_nothing_is_left_out():
    result = decompose_errors(evaluated([(0, 0, 0.9, THERE), (0, 0, 0.8, HERE)], [(0, 0, HERE)], classes=1))
    assert counted(result) == {"background": 1} and lost(result) == {"background": 0.5}


def test_a_detection_in_an_image_without_objects_is_background():
    result = decompose_errors(evaluated([(1, 0, 0.9, HERE), (0, 0, 0.8, HERE)], [(0, 0, HERE)], classes=1))
    assert counted(result) == {"background": 1} and lost(result) == {"background": 0.5}


def test_missed_objects_are_not_asked_for():
    result = decompose_errors(evaluated([(0, 0, 0.9, HERE)], [(0, 0, HERE), (0, 0, THERE)], classes=1))
    assert counted(result) == {"missed": 1} and lost(result) == {"missed": 0.5}
    assert result.false_negative == 0.5 and result.false_positive == 0


def test_false_positives_and_false_negatives_as_a_whole():
    found = [(0, 0, 0.9, LOOSE), (0, 0, 0.8, THERE)]
    result = decompose_errors(evaluated(found, [(0, 0, HERE), (0, 0, THERE)], classes=1))
    assert counted(result) == {"localization": 1}
    assert result.false_positive == pytest.approx(0.5 - 0.25)  # recall ½ at precision 1
    assert result.false_negative == pytest.approx(0.5 - 0.25)  # precision ½ at recall 1


def test_one_detection_an_object_is_put_right():
    found = [(0, 0, 0.9, LOOSE), (0, 0, 0.8, LOOSE), (0, 1, 0.7, HERE)]
    result = decompose_errors(evaluated(found, [(0, 0, HERE), (0, 1, THERE)], classes=2))
    assert counted(result) == {"localization": 2, "classification": 1, "missed": 1}
    assert result.localization == 0.5  # the first is a hit, the second left out
    assert result.classification == 0  # the object goes to the detection of the highest score


def test_errors_on_a_found_object_are_left_out():
    found = [(0, 0, 0.9, LOOSE), (0, 0, 0.8, HERE)]
    result = decompose_errors(evaluated(found, [(0, 0, HERE)], classes=1))
    assert counted(result) == {"localization": 1} and lost(result) == {"localization": 0.5}


def test_difficult_objects_are_not_missed_and_detections_of_them_no_error():
    truth = [(0, 0, HERE), (0, 0, THERE)]
    assert counted(decompose_errors(evaluated([(0, 0, 0.9, HERE)], truth, classes=1, difficult=(1,)))) == {}
    on_it = evaluated([(0, 0, 0.9, THERE), (0, 0, 0.8, HERE)], truth, classes=1, difficult=(1,))
    result = decompose_errors(on_it)
    assert counted(result) == {} and lost(result) == {} and result.false_positive == 0


def test_a_detection_put_right_on_a_difficult_object_is_left_out():
    truth = [(0, 0, HERE), (0, 0, THERE)]
    loosely = evaluated([(0, 0, 0.9, LOOSE), (0, 0, 0.8, THERE)], truth, classes=1, difficult=(0,))
    result = decompose_errors(loosely)
    assert counted(result) == {"localization": 1} and lost(result) == {"localization": 0.5}


@pytest.mark.parametrize("seed", range(3))
def test_difficult_objects_of_a_random_scene_leave_every_rise_within_what_is_lacking(seed: int):
    scene = random_scene(seed)
    hard = np.random.default_rng(seed).random(len(scene.objects.labels)) < 0.3
    scene = scene._replace(objects=scene.objects._replace(difficult=hard))
    before = np.nanmean(voc_average_precision(scene.detections, scene.objects, 4, (0.5,)).area)
    result = decompose_errors(scene)
    assert all(0 < value <= 1 - before for value in result[:8])
    assert sum(result.counts) < len(scene.detections.labels) + len(hard)


def test_nothing_to_find_is_nan():
    result = decompose_errors(evaluated([(0, 0, 0.9, HERE)], [], classes=2))
    assert np.isnan(result[:8]).all() and counted(result) == {"background": 1}


def test_nothing_found_is_missed():
    result = decompose_errors(evaluated([], [(0, 0, HERE)], classes=1))
    assert counted(result) == {"missed": 1} and lost(result) == {}


@pytest.mark.parametrize("threshold", [0.0, 0.6])
def test_a_background_threshold_outside_its_range_is_refused(threshold: float):
    with pytest.raises(ValueError, match="Expected a background threshold"):
        decompose_errors(evaluated([], [], classes=1), background_threshold=threshold)
