"""How sure a difference between two rows is: a paired bootstrap over test images and over seeds.

A test set is a sample. Drawn again, with replacement and at its own size, it gives another mAP; the spread of 1,000
such draws says how much of a metric is luck of the images. Two rows are measured on the same draws: what makes a draw
easy helps both, and their difference varies far less than either metric.

No model runs again and nothing is matched again. Whether a detection is true or false is decided within its image, so
an image drawn w times is its detections counted w times. Per class that leaves one product: a sparse matrix of the
false positives that stand before each true positive, times the counts of the images. Blocks of resamples keep it small.

Copies of an image tie by construction. The order of detections is that of the whole set, ties included, and a copy
stands beside its original; so a weight w is exactly w copies.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from lightweight_ssd.analysis.evaluated_set import EvaluatedSet
from lightweight_ssd.metrics.assignment import assign_detections, class_spans

__all__ = ["Interval", "bootstrap_map", "draw_images", "paired_difference", "row_interval"]

_BLOCK = 125  # resamples at a time: the arrays of a class with 5,000 true positives then take 5 MB each
_PERCENTILES = (2.5, 97.5)


class Interval(NamedTuple):
    """A metric with its 95 % percentile interval; mAP as a share, 0 to 1.

    Attributes:
        mean: The metric itself, measured on the whole set (not the middle of the interval).
        low: Lower end.
        high: Upper end.
        shown: Whether the interval leaves out zero. A difference that is not shown may still be there; these images
            and seeds do not show it.
    """

    mean: float
    low: float
    high: float
    shown: bool


def draw_images(num_images: int, resamples: int, seed: int) -> Int[np.ndarray, "{resamples} {num_images}"]:
    """How often each image is in each resample: as many draws as images, with replacement.

    Rows that are to be compared must be measured on the same draws.

    Args:
        num_images: Images of the set.
        resamples: Draws of a whole set; 1,000 give ends of the interval that are steady to a few percent of its width.
        seed: Equal seeds give equal draws.

    Raises:
        ValueError: If there are no images or no resamples.

    Example:
        >>> draw_images(4, resamples=2, seed=0).sum(axis=1)
        array([4, 4])
    """
    if num_images < 1 or resamples < 1:
        raise ValueError(
            f"Expected at least one image and one resample but got {num_images} and {resamples}; "
            "pass the length of image_ids and for example 1000."
        )
    shares = np.full(num_images, 1 / num_images)
    return np.random.default_rng(seed).multinomial(num_images, shares, size=resamples)


def bootstrap_map(
    evaluated: EvaluatedSet, draws: Integer[np.ndarray, "R N"], iou_threshold: float = 0.5
) -> Float[np.ndarray, " R"]:
    """The mAP (area) of each resample: the mean over the classes that have countable objects in it.

    Args:
        evaluated: Detections and objects of a run.
        draws: How often each image counts, in the order of `evaluated.image_ids`.
        iou_threshold: Smallest IoU of a hit.

    Returns:
        0 to 1; NaN for a resample without any countable object.

    Raises:
        ValueError: If `draws` is not for as many images.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, for the percentile interval; Koehn,
        Statistical Significance Tests for Machine Translation Evaluation (2004), for the paired form.
    """
    if draws.shape[1] != len(evaluated.image_ids):
        raise ValueError(
            f"Expected counts for {len(evaluated.image_ids)} images but got {draws.shape[1]}; "
            "draw for the images of this set."
        )
    num_classes, objects = len(evaluated.class_names), evaluated.objects
    assignment = assign_detections(evaluated.detections, objects, num_classes, iou_threshold)
    image_index = assignment.detections.image_index
    weights = np.ascontiguousarray(draws.T, np.float64)
    total, known = np.zeros(len(draws)), np.zeros(len(draws))
    for label, span in enumerate(class_spans(assignment.detections.labels, num_classes)):
        countable = objects.image_index[(objects.labels == label) & ~objects.difficult]
        count = np.bincount(countable, minlength=len(weights)) @ weights
        area = _weighted_areas(image_index[span], assignment.true[span], assignment.false[span], weights)
        total += np.divide(area, count, out=np.zeros_like(area), where=count > 0)
        known += count > 0
    return np.divide(total, known, out=np.full(len(draws), np.nan), where=known > 0)


def paired_difference(
    row: Float[np.ndarray, "S R"],
    baseline: Float[np.ndarray, "B Q"],
    row_seeds: Sequence[int],
    baseline_seeds: Sequence[int],
    point: float,
    seed: int,
) -> Interval:
    """The difference of two rows' mean mAP with its 95 % interval, over the test images and over the seeds.

    Each resample takes one draw of images for both rows and draws the runs of each row again, with replacement. Where
    both rows have the same seeds, the same ones are drawn for both.

    What the interval covers: another test set of this size from the same source, and other seeds of the same recipe.
    What it does not: other training data, a recipe tuned further, errors in the labels. A row with one run says nothing
    of seeds; the interval is then for exactly these weights. Few seeds understate their part: redrawing S runs shows
    (S − 1)/S of their variance on average, half of it with two. The ends are not corrected for many comparisons: of
    twenty rows that change nothing, about one is shown.

    Args:
        row: mAP of each run of the row in each resample, from `bootstrap_map` on the same draws.
        baseline: The same of the baseline, with Q = R.
        row_seeds: Training seed of each run of the row.
        baseline_seeds: Training seed of each run of the baseline.
        point: The difference on the whole set, row − baseline.
        seed: Of the draws of runs.

    Raises:
        ValueError: If seeds and runs do not match, if the resamples do not, or if no resample has objects.

    Example:
        >>> baseline = np.array([[0.50, 0.60, 0.55]])
        >>> interval = paired_difference(baseline + 0.01, baseline, [0], [0], point=0.01, seed=0)
        >>> round(interval.low, 3), round(interval.high, 3), interval.shown
        (0.01, 0.01, True)
    """
    _check(row, row_seeds)
    _check(baseline, baseline_seeds)
    if row.shape[1] != baseline.shape[1]:
        raise ValueError(
            f"Expected the same resamples for both rows but got {row.shape[1]} and {baseline.shape[1]}; "
            "measure both on the same draws."
        )
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(row), row.shape)
    if len(set(row_seeds)) == len(row) and sorted(row_seeds) == sorted(baseline_seeds):
        place = {number: index for index, number in enumerate(baseline_seeds)}
        partners = np.array([place[number] for number in row_seeds])[chosen]
    else:
        partners = rng.integers(0, len(baseline), baseline.shape)
    return _interval(_redrawn_mean(row, chosen) - _redrawn_mean(baseline, partners), point)


def row_interval(row: Float[np.ndarray, "S R"], point: float, seed: int) -> Interval:
    """A row's own mean mAP with its 95 % interval, over images and seeds; for its limits see `paired_difference`.

    Intervals of two rows that overlap do not mean that the rows are equal: most of their width is shared.

    Args:
        row: mAP of each run in each resample, from `bootstrap_map`.
        point: Mean mAP on the whole set.
        seed: Of the draws of runs.

    Raises:
        ValueError: If there is no run or no resample with objects.

    Example:
        >>> row_interval(np.array([[0.5, 0.5]]), point=0.5, seed=0)
        Interval(mean=0.5, low=0.5, high=0.5, shown=True)
    """
    _check(row, range(len(row)))
    chosen = np.random.default_rng(seed).integers(0, len(row), row.shape)
    return _interval(_redrawn_mean(row, chosen), point)


def _weighted_areas(
    image_index: Integer[np.ndarray, " K"],
    true: Bool[np.ndarray, " K"],
    false: Bool[np.ndarray, " K"],
    weights: Float[np.ndarray, "N R"],
) -> Float[np.ndarray, " R"]:
    """Area under one class's curve times its objects, for each column of weights."""
    from scipy.sparse import csr_array  # a report whose runs were analyzed before does without

    hits = np.flatnonzero(true)
    before = np.searchsorted(hits, np.flatnonzero(false))  # which true positive a false one is the first to precede
    misses = image_index[false][before < len(hits)]
    before = before[before < len(hits)]
    steps = csr_array((np.ones(len(before)), (before, misses)), shape=(len(hits), len(weights)))
    areas = np.zeros(weights.shape[1])
    for start in range(0, weights.shape[1] if len(hits) else 0, _BLOCK):
        block = np.ascontiguousarray(weights[:, start : start + _BLOCK])
        areas[start : start + _BLOCK] = _areas_of_block(block[image_index[hits]], steps @ block)
    return areas


def _areas_of_block(found: Float[np.ndarray, "T R"], false: Float[np.ndarray, "T R"]) -> Float[np.ndarray, " R"]:
    """Copies of a true positive raise precision one after another, so the last one's is the envelope of all."""
    recalled = np.cumsum(found, axis=0)
    listed = np.cumsum(false, axis=0, out=false) + recalled
    precision = np.divide(recalled, listed, out=np.zeros_like(listed), where=listed > 0)
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    return np.einsum("tr,tr->r", envelope, found)


def _redrawn_mean(row: Float[np.ndarray, "S R"], chosen: Int[np.ndarray, "S R"]) -> Float[np.ndarray, " R"]:
    return np.take_along_axis(row, chosen, axis=0).mean(axis=0)


def _interval(values: Float[np.ndarray, " R"], point: float) -> Interval:
    known = values[np.isfinite(values)]
    if not known.size:
        raise ValueError(
            f"Expected a resample with countable objects but got none in {len(values)}; measure on more images."
        )
    low, high = (float(end) for end in np.percentile(known, _PERCENTILES))
    return Interval(point, low, high, low > 0 or high < 0)


def _check(row: Float[np.ndarray, "S R"], seeds: Sequence[int]) -> None:
    if not len(row) or len(seeds) != len(row):
        raise ValueError(
            f"Expected at least one run and a seed for each but got {len(row)} runs and {len(seeds)} seeds; "
            "pass them in the same order."
        )
