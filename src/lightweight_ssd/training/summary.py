"""What a finished run found, in a few lines: its metrics, what costs most, the weak classes and why, what to do next.

Everything is computed from the files of the run folder, so the same run always gives the same text. Each claim has its
number beside it; where there is nothing to claim, nothing is said.
"""

import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS, errors_by_class
from lightweight_ssd.analysis.evaluated_set import EvaluatedSet, read_evaluated_set
from lightweight_ssd.metrics.average_precision import confusion_matrix
from lightweight_ssd.runs.files import DETECTIONS_FILE, GROUND_TRUTH_FILE
from lightweight_ssd.runs.results import RunResults
from lightweight_ssd.runs.results_file import read_results
from lightweight_ssd.system.plain_text import printable

__all__ = ["run_summary"]

_WEAK = 0.75  # of the mean: a class below it is weak
_MOST_WEAK = 3  # classes with a line of their own
_LEAST_COST = 0.005  # of AP: what costs less is not worth a word
_FEW, _FEW_OF_MEDIAN = 50, 0.25  # training objects
_SMALL = 32.0  # pixels of the network's input, the square root of a box's area
_MANY_SMALL, _MANY_CONFUSED = 0.5, 0.1  # of the objects of a class
_SCORE = 0.3  # of detections that count as shown
_WORDS = {
    "classification": "wrong classes",
    "localization": "loose boxes",
    "both": "wrong classes with loose boxes",
    "duplicate": "duplicates",
    "background": "false alarms on background",
    "missed": "missed objects",
}


class _Test(NamedTuple):
    """A measured test split.

    Attributes:
        results: Of the run.
        evaluated: Detections and objects.
        cost: By kind of error the AP that each class loses to it, 0 to 1.
        objects: Countable objects of each class.
        confusion: Row: true class, column: predicted class; the background is last.
        small: Share of the countable objects of each class that is small at the network's input; NaN without any.
    """

    results: RunResults
    evaluated: EvaluatedSet
    cost: dict[str, Float[np.ndarray, " C"]]
    objects: Int[np.ndarray, " C"]
    confusion: Int[np.ndarray, "K K"]
    small: Float[np.ndarray, " C"]


def run_summary(run_dir: Path) -> str:
    """The summary of a finished run; empty where its test has no metric.

    Args:
        run_dir: Its folder.

    Raises:
        FileNotFoundError, ValueError: A file of the run is missing or not whole.
    """
    results = read_results(run_dir)
    if results.test is None or results.test.map_50 is None or results.test.map_50_95 is None:
        return ""
    test = _read(run_dir, results)
    metrics = (
        f"test: AP50 {100 * results.test.map_50:.1f}, mAP@0.5:0.95 {100 * results.test.map_50_95:.1f} "
        f"({_count(len(test.evaluated.image_ids), 'image')}, {_count(int(test.objects.sum()), 'object')}, "
        f"{_count(len(test.objects), 'class')})"
    )
    return "\n".join([metrics, _costs(test), *_weak_classes(test), *_next(run_dir)])


def _read(run_dir: Path, results: RunResults) -> _Test:
    evaluated = read_evaluated_set(run_dir / DETECTIONS_FILE, run_dir / GROUND_TRUTH_FILE)
    number, objects = len(evaluated.class_names), evaluated.objects
    counted = ~objects.difficult
    height, width = results.input_size or (0, 0)
    scale = np.array([width, height]) / np.maximum(evaluated.sizes[objects.image_index], 1)[:, ::-1]
    sides = np.sqrt(((objects.boxes[:, 2:] - objects.boxes[:, :2]) * scale).clip(0).prod(1))
    counts = np.bincount(objects.labels[counted], minlength=number)
    small = np.bincount(objects.labels[counted & (sides < _SMALL)], minlength=number)
    return _Test(
        results=results,
        evaluated=evaluated,
        cost=errors_by_class(evaluated),
        objects=counts,
        confusion=confusion_matrix(evaluated.detections, objects, number, _SCORE),
        small=np.where(counts > 0, small / np.maximum(counts, 1), np.nan),
    )


def _costs(test: _Test) -> str:
    mean = {kind: float(np.nanmean(test.cost[kind])) for kind in ERROR_KINDS}
    told = _largest(mean, 3)
    if not told:
        return f"errors: no kind of error costs more than {100 * _LEAST_COST:.1f} AP50"
    return "errors: what would come back of AP50 if one kind were fixed: " + ", ".join(
        f"{_WORDS[kind]} {100 * cost:.1f}" for kind, cost in told.items()
    )


def _weak_classes(test: _Test) -> list[str]:
    """A line for each of the weakest classes; none for a single class, which has nothing to be compared with."""
    per_class = (test.results.test and test.results.test.per_class) or {}
    precision = {name: one.ap_50 for name, one in per_class.items() if one.ap_50 is not None}
    names = test.evaluated.class_names
    if len(precision) < 2 or set(precision) - set(names):
        return []
    limit = _WEAK * float(np.mean(list(precision.values())))
    weak = sorted((value, names.index(name)) for name, value in precision.items() if value < limit)
    lines = [f"weak: {printable(names[at])}, AP50 {100 * ap:.1f}{_reasons(test, at)}" for ap, at in weak[:_MOST_WEAK]]
    if more := len(weak) - _MOST_WEAK:
        lines += [f"      and {more} more below {100 * limit:.1f}, three quarters of the mean"] if more > 0 else []
    return lines


def _reasons(test: _Test, label: int) -> str:
    cost = _largest({kind: float(test.cost[kind][label]) for kind in ERROR_KINDS}, 1)
    lost = [f"{_WORDS[kind]} cost {100 * value:.1f}" for kind, value in cost.items()]
    known = [*_few(test, label), *_small(test, label), *_confused(test, label), *lost]
    return f": {'; '.join(known)}" if known else ""


def _few(test: _Test, label: int) -> list[str]:
    learned = (test.results.data and test.results.data.train_objects) or {}
    count = learned.get(test.evaluated.class_names[label])
    if count is None:
        return []
    median = float(np.median(list(learned.values())))
    few = count < _FEW or count < _FEW_OF_MEDIAN * median
    return [f"{_count(count, 'training object')} (median of the classes {median:,.0f})"] if few else []


def _small(test: _Test, label: int) -> list[str]:
    share = test.small[label]
    if not test.results.input_size or not share >= _MANY_SMALL:
        return []
    return [f"{100 * share:.0f} % of its {test.objects[label]:,} test objects are below 32×32 px at the input"]


def _confused(test: _Test, label: int) -> list[str]:
    others = test.confusion[label, :-1].copy()
    others[label] = 0
    other = int(others.argmax())
    if others[other] < max(2, _MANY_CONFUSED * test.objects[label]):
        return []
    name = printable(test.evaluated.class_names[other])
    return [f"confused with {name} ({others[other]:,} of {test.objects[label]:,} objects)"]


def _next(run_dir: Path) -> list[str]:
    run = shlex.quote(str(run_dir))
    return [
        f"next: lssd predict IMAGES checkpoint={run}    (use it)",
        f"      lssd report {run}    (its errors, image by image)",
        f"      lssd train … init_from={run}    (train on from its weights)",
    ]


def _largest(costs: dict[str, float], most: int) -> dict[str, float]:
    """The kinds that cost most, without those that are not worth a word; NaN is none."""
    told = sorted((item for item in costs.items() if item[1] >= _LEAST_COST), key=lambda item: -item[1])
    return dict(told[:most])


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 'es' if word.endswith('s') else 's'}"
