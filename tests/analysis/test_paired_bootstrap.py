"""The weighted bootstrap against a naive one that copies images and scores them anew, and the intervals' promises."""

import numpy as np
import pytest

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.analysis.paired_bootstrap import (
    Interval,
    bootstrap_map,
    draw_images,
    paired_difference,
    row_interval,
)
from lightweight_ssd.metrics.average_precision import PackedDetections, PackedObjects, voc_average_precision

CLASSES = 5  # the fourth has objects in one image only, the fifth difficult ones only


def evaluated_set(found: PackedDetections, truth: PackedObjects, images: int) -> EvaluatedSet:
    names = tuple(f"{index}.jpg" for index in range(images))
    classes = tuple(f"class {label}" for label in range(CLASSES))
    sizes = np.tile([300, 400], (images, 1))
    return EvaluatedSet(np.arange(images), names, (None,) * images, sizes, classes, found, truth)


def small_set(seed: int, images: int = 12) -> EvaluatedSet:
    """Image 0 has no objects, image 1 no detections, image 2 neither; four scores only, so that most of them tie."""
    rng = np.random.default_rng(seed)
    objects = images * 3
    image_index = rng.integers(3, images, objects)
    image_index[:3] = 1
    corner = rng.uniform(0, 200, (objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 100, (objects, 2))], 1)
    labels, difficult = rng.integers(0, 3, objects), rng.random(objects) < 0.25
    image_index[-2:], labels[-2:], difficult[-2:] = (5, 6), (3, 4), (False, True)
    truth = PackedObjects(image_index, labels, boxes, difficult)
    source = rng.integers(3, objects, images * 12)
    source = source[image_index[source] != 1]
    near = boxes[source] + rng.normal(0, 7, (len(source), 4))
    found_label = np.where(rng.random(len(source)) < 0.3, rng.integers(0, CLASSES, len(source)), labels[source])
    found_image = np.where(rng.random(len(source)) < 0.1, 0, image_index[source])
    scores = rng.integers(1, 5, len(source)) / 4
    return evaluated_set(PackedDetections(found_image, found_label, scores, near), truth, images)


def copies(columns: tuple[np.ndarray, ...], draw: np.ndarray) -> list[np.ndarray]:
    """Rows of every drawn image, each copy as an image of its own; copies of one image have neighbouring numbers."""
    taken = [np.flatnonzero(columns[0] == image) for image, weight in enumerate(draw.tolist()) for _ in range(weight)]
    rows = np.concatenate([np.zeros(0, int), *taken])
    number = np.repeat(np.arange(len(taken)), [len(places) for places in taken])
    return [number, *(column[rows] for column in columns[1:])]


def naive_map(evaluated: EvaluatedSet, draw: np.ndarray, threshold: float) -> float:
    """Ties are broken once, on the whole set, by giving ranks for scores; so copies of a detection are neighbours."""
    found = evaluated.detections
    ranked = np.lexsort((np.arange(len(found.scores)), found.image_index, -found.scores))
    rank = np.empty(len(ranked))
    rank[ranked] = -np.arange(len(ranked))
    again = PackedDetections(*copies(found._replace(scores=rank), draw))
    truth = PackedObjects(*copies(evaluated.objects, draw))
    area = voc_average_precision(again, truth, CLASSES, (threshold,)).area[0]
    return float(area[~np.isnan(area)].mean()) if (~np.isnan(area)).any() else np.nan


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_equals_a_naive_bootstrap(seed: int, threshold: float):
    evaluated = small_set(seed)
    draws = draw_images(12, 150, seed)
    expected = [naive_map(evaluated, draw, threshold) for draw in draws]
    np.testing.assert_allclose(bootstrap_map(evaluated, draws, threshold), expected, rtol=0, atol=1e-12)
    assert np.std(expected) > 0.01
    without_a_class = draws[:, 5] == 0
    assert without_a_class.any() and not without_a_class.all(), "a class must be absent from some resamples only"


@pytest.mark.parametrize("seed", range(3))
def test_every_image_once_is_the_reported_figure(seed: int):
    evaluated = small_set(seed)
    area = voc_average_precision(evaluated.detections, evaluated.objects, CLASSES, (0.5,)).area[0]
    once = bootstrap_map(evaluated, np.ones((1, 12), int))
    assert once[0] == pytest.approx(np.nanmean(area), abs=1e-14)


@pytest.mark.slow
def test_more_resamples_than_a_block_are_each_their_own():
    evaluated, draws = small_set(1), draw_images(12, 300, 0)
    one_by_one = [bootstrap_map(evaluated, draw[None])[0] for draw in draws]
    np.testing.assert_allclose(bootstrap_map(evaluated, draws), one_by_one, rtol=0, atol=1e-15)


def test_a_resample_without_objects_is_nan_and_one_without_detections_zero():
    evaluated = small_set(0)
    draws = np.zeros((2, 12), int)
    draws[0, [0, 2]], draws[1, 1] = 6, 12
    countable = (evaluated.objects.image_index == 1) & ~evaluated.objects.difficult
    assert countable.any()
    result = bootstrap_map(evaluated, draws)
    assert np.isnan(result[0]) and result[1] == 0


def test_draws_are_of_the_size_of_the_set_and_repeatable():
    draws = draw_images(50, 200, seed=3)
    assert draws.shape == (200, 50) and (draws.sum(1) == 50).all()
    np.testing.assert_array_equal(draws, draw_images(50, 200, seed=3))
    assert (draws != draw_images(50, 200, seed=4)).any()
    assert draws.var() == pytest.approx(0.98, abs=0.05)  # of a count: N · 1/N · (1 − 1/N)


def test_draws_for_another_set_are_refused():
    with pytest.raises(ValueError, match="counts for 12 images but got 11"):
        bootstrap_map(small_set(0), draw_images(11, 2, 0))
    with pytest.raises(ValueError, match="at least one image and one resample"):
        draw_images(0, 10, 0)


def test_pairing_removes_what_the_rows_share():
    shared = np.random.default_rng(0).normal(0.7, 0.05, (3, 1000))
    interval = paired_difference(shared + 0.01, shared, [0, 1, 2], [0, 1, 2], 0.01, seed=0)
    assert interval.low == pytest.approx(0.01) and interval.high == pytest.approx(0.01) and interval.shown


def test_equal_seeds_are_paired_whatever_their_order():
    shared = np.random.default_rng(0).normal(0.7, 0.05, (3, 1000))
    interval = paired_difference(shared + 0.01, shared[[2, 0, 1]], [0, 1, 2], [2, 0, 1], 0.01, seed=0)
    assert interval.low == pytest.approx(0.01) and interval.high == pytest.approx(0.01)


def test_other_seeds_are_drawn_apart():
    """Two rows of the same runs under other seeds: nothing pairs them, so the spread over runs stays."""
    runs = np.array([[0.6] * 4000, [0.7] * 4000])
    interval = paired_difference(runs, runs, [0, 1], [2, 3], 0.0, seed=0)
    assert interval == Interval(0.0, pytest.approx(-0.1), pytest.approx(0.1), False)


def test_one_run_a_row_is_the_percentile_interval_over_images():
    rng = np.random.default_rng(1)
    row, baseline = rng.normal(0.72, 0.01, (1, 2000)), rng.normal(0.70, 0.01, (1, 2000))
    interval = paired_difference(row, baseline, [0], [7], 0.02, seed=5)
    assert (interval.low, interval.high) == pytest.approx(np.percentile(row - baseline, [2.5, 97.5]))
    assert interval.mean == 0.02


def test_seeds_widen_the_interval_of_a_row_as_their_spread_says():
    runs = np.repeat(np.array([[0.69], [0.70], [0.71], [0.72]]), 20000, 1)
    interval = row_interval(runs, 0.705, seed=0)
    deviation = np.std([0.69, 0.70, 0.71, 0.72]) / 2  # of the mean of four redrawn runs
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert row_interval(runs[:1], 0.69, seed=0) == Interval(0.69, pytest.approx(0.69), pytest.approx(0.69), True)


def test_a_difference_is_shown_on_either_side_of_zero_and_not_across_it():
    noise = np.random.default_rng(2).normal(0, 0.01, (1, 1000))
    assert paired_difference(noise + 0.03, 0 * noise, [0], [0], 0.03, 0).shown
    assert paired_difference(noise - 0.03, 0 * noise, [0], [0], -0.03, 0).shown
    assert not paired_difference(noise + 0.01, 0 * noise, [0], [0], 0.01, 0).shown
    assert not paired_difference(0 * noise, 0 * noise, [0], [0], 0.0, 0).shown


def test_resamples_without_objects_are_left_out():
    row = np.array([[np.nan, 0.5, 0.6]])
    assert paired_difference(row, row, [0], [0], 0.0, 0) == Interval(0.0, 0.0, 0.0, False)
    with pytest.raises(ValueError, match="countable objects"):
        row_interval(np.full((1, 3), np.nan), 0.0, 0)


def test_what_does_not_belong_together_is_refused():
    row = np.zeros((2, 5))
    with pytest.raises(ValueError, match="2 runs and 1 seeds"):
        paired_difference(row, row, [0], [0, 1], 0.0, 0)
    with pytest.raises(ValueError, match="same resamples"):
        paired_difference(row, row[:, :4], [0, 1], [0, 1], 0.0, 0)
    with pytest.raises(ValueError, match="at least one run"):
        row_interval(row[:0], 0.0, 0)
