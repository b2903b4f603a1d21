"""All that a comparison needs of one run's detections, computed once and kept beside the report.

Reading half a million detections and drawing a test set a thousand times takes seconds a run; a report that is built
again while a sweep goes on reads the result of the runs that have not changed.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from lightweight_ssd.analysis.disagreement import image_scores
from lightweight_ssd.analysis.error_decomposition import ERROR_KINDS, decompose_errors
from lightweight_ssd.analysis.evaluated_set import EvaluatedSet, read_evaluated_set
from lightweight_ssd.analysis.object_size import precision_by_size
from lightweight_ssd.analysis.paired_bootstrap import bootstrap_map, draw_images
from lightweight_ssd.metrics.average_precision import voc_average_precision
from lightweight_ssd.runs.files import DETECTIONS_FILE, GRAY_DETECTIONS_FILE, GROUND_TRUTH_FILE
from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["SHOWN_SCORE", "RunAnalysis", "analyze_run", "ground_truth_digest", "is_analyzed"]

SHOWN_SCORE = 0.3  # detections that the page draws, and that count as found in an image's score
_VERSION = 1  # raise it when an analysis changes, so that what was kept is computed again
_CURVE_POINTS = 51


class RunAnalysis(NamedTuple):
    """What one run's detections say.

    Attributes:
        truth: Hash of images and objects; equal where two runs were measured on the same ones.
        class_names: In the order of the labels.
        map_50: mAP at IoU 0.5, computed from the file.
        gray_map_50: The same on the gray version of the images, None where it was not measured.
        resampled: `map_50` for each resample of the test images.
        gray_resampled: `gray_map_50` likewise.
        errors: Lost mAP by kind of error, 0 to 1; NaN without objects.
        sizes: mAP of small, medium and large objects; NaN without such objects.
        precision_recall: By class, and under the empty name the mean over classes: `recall` and `precision`.
        image_scores: How right each image is, 0 to 1.
        found: By place of the image: x1, y1, x2, y2, label, score of what is drawn.
    """

    truth: str
    class_names: tuple[str, ...]
    map_50: float
    gray_map_50: float | None
    resampled: Float64[np.ndarray, " R"]
    gray_resampled: Float64[np.ndarray, " R"] | None
    errors: dict[str, float]
    sizes: dict[str, float]
    precision_recall: dict[str, dict[str, list[float]]]
    image_scores: Float64[np.ndarray, " N"]
    found: dict[int, list[list[float | int]]]


def analyze_run(
    folder: Path, cache: Path, resamples: int, seed: int, tell: Callable[[], None] = lambda: None
) -> tuple[RunAnalysis | None, list[str]]:
    """Analyses a finished run, or takes what an earlier report made of the same files.

    Args:
        folder: The run's folder.
        cache: Folder for what is kept; made.
        resamples: Resamples of the test images.
        seed: Of the resamples; runs of equal test sets are drawn alike.
        tell: Called before the work, where there is any.

    Returns:
        None where its files are missing or not whole; and a sentence for each file that could not be used.

    Raises:
        NotWritten: The disk of the cache is full or cannot be written.
    """
    kept, key = _kept_file(folder, cache), _key(folder, resamples, seed)
    content = _read_kept(kept, key)
    if content is None:
        tell()
        content = {"key": key, **_attempt(folder, resamples, seed)}
        _write_kept(kept, content)
    return _unpacked(content["analysis"]), content["problems"]


def is_analyzed(folder: Path, cache: Path, resamples: int, seed: int) -> bool:
    """Whether `analyze_run` would find everything in the cache."""
    return _read_kept(_kept_file(folder, cache), _key(folder, resamples, seed)) is not None


def _kept_file(folder: Path, cache: Path) -> Path:
    return cache / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.json"


def _key(folder: Path, resamples: int, seed: int) -> str:
    """What has to be the same for an analysis to be taken from the cache."""
    stamps = [_stamp(folder / name) for name in (DETECTIONS_FILE, GRAY_DETECTIONS_FILE, GROUND_TRUTH_FILE)]
    return json.dumps([_VERSION, resamples, seed, *stamps])


def ground_truth_digest(evaluated: EvaluatedSet) -> str:
    """Hash of the images, their sizes and their objects; where image files lie and class names are not part of it."""
    digest = hashlib.sha256(json.dumps([evaluated.image_ids.tolist(), evaluated.image_names]).encode())
    for column in (evaluated.sizes, *evaluated.objects):
        digest.update(str(column.dtype).encode() + np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()[:16]


def _attempt(folder: Path, resamples: int, seed: int) -> dict[str, Any]:
    """The analysis, or a sentence on what is wrong: one run's files never end the report of all."""
    try:
        return _analyze(folder, resamples, seed)
    except Exception as error:  # whatever an analysis stumbles over: the file passed all checks of its form
        what = f"{folder / DETECTIONS_FILE} cannot be analyzed ({type(error).__name__}: {_first_line(error)})"
        return {"analysis": None, "problems": [f"{what}; the run stands without what is computed from it."]}


def _analyze(folder: Path, resamples: int, seed: int) -> dict[str, Any]:
    problems: list[str] = []
    evaluated = _read(folder, DETECTIONS_FILE, problems)
    if evaluated is None or not len(evaluated.image_ids):
        return {"analysis": None, "problems": problems}
    draws = draw_images(len(evaluated.image_ids), resamples, seed)
    gray = _read(folder, GRAY_DETECTIONS_FILE, problems) if os.path.lexists(folder / GRAY_DETECTIONS_FILE) else None
    errors = decompose_errors(evaluated)
    analysis = {
        "truth": ground_truth_digest(evaluated),
        "class_names": evaluated.class_names,
        "map_50": _map_50(evaluated),
        "gray_map_50": None if gray is None else _map_50(gray),
        "resampled": bootstrap_map(evaluated, draws).tolist(),
        "gray_resampled": None if gray is None else bootstrap_map(gray, draws).tolist(),
        "errors": {kind: getattr(errors, kind) for kind in ERROR_KINDS},
        "sizes": precision_by_size(evaluated)._asdict(),
        "precision_recall": _precision_recall(evaluated),
        "image_scores": image_scores(evaluated, SHOWN_SCORE).round(4).tolist(),
        "found": _shown(evaluated),
    }
    return {"analysis": analysis, "problems": problems}


def _read(folder: Path, name: str, problems: list[str]) -> EvaluatedSet | None:
    wrong = next((each for each in (name, GROUND_TRUTH_FILE) if not (folder / each).is_file()), None)
    reason = "is no file" if wrong and (folder / wrong).exists() else "is missing"  # a pipe would be read forever
    if wrong is None:
        try:
            return read_evaluated_set(folder / name, folder / GROUND_TRUTH_FILE)
        except (OSError, ValueError, RecursionError) as error:
            reason = f"cannot be used ({_first_line(error)})"
    problems.append(f"{folder / (wrong or name)} {reason}; the run stands without what is computed from it.")
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _map_50(evaluated: EvaluatedSet) -> float:
    return float(bootstrap_map(evaluated, np.ones((1, len(evaluated.image_ids)), np.int64))[0])


def _precision_recall(evaluated: EvaluatedSet) -> dict[str, dict[str, list[float]]]:
    """The interpolated curve of each class, whose area is its AP, and the mean of them at equal recall."""
    names = evaluated.class_names
    curves = voc_average_precision(evaluated.detections, evaluated.objects, len(names), (0.5,)).curves
    grid, means, found = np.linspace(0, 1, _CURVE_POINTS), [], {}
    for name, curve in zip(names, curves, strict=True):
        recall, precision = curve.recall.astype(np.float64), curve.precision.astype(np.float64)
        if np.isnan(recall).any():
            continue
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        reached = np.append(envelope, 0.0)[np.searchsorted(recall, grid - 1e-6)] if len(recall) else np.zeros_like(grid)
        means.append(reached)
        last = float(recall[-1]) if len(recall) else 0.0
        found[name] = _rounded(grid[grid <= last + 1e-6], reached[grid <= last + 1e-6])
    return {"": _rounded(grid, np.mean(means, 0)), **found} if means else found


def _rounded(recall: Float[np.ndarray, " K"], precision: Float[np.ndarray, " K"]) -> dict[str, list[float]]:
    return {"recall": recall.round(4).tolist(), "precision": precision.round(4).tolist()}


def _shown(evaluated: EvaluatedSet) -> dict[int, list[list[float | int]]]:
    index, labels, scores, boxes = evaluated.detections
    shown: dict[int, list[list[float | int]]] = {}
    for place in np.flatnonzero(scores >= SHOWN_SCORE).tolist():
        box = boxes[place].astype(np.float64).round(1).tolist()
        shown.setdefault(int(index[place]), []).append([*box, int(labels[place]), round(float(scores[place]), 3)])
    return shown


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _read_kept(path: Path, key: str) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("key") == key else None


def _write_kept(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(content).encode(), shared=True)


def _unpacked(kept: dict[str, Any] | None) -> RunAnalysis | None:
    """Arrays and whole numbers again, whether it was just computed or read from JSON."""
    if kept is None:
        return None
    arrays = {name: np.array(kept[name], np.float64) for name in ("resampled", "image_scores")}
    gray = None if kept["gray_resampled"] is None else np.array(kept["gray_resampled"], np.float64)
    found = {int(place): boxes for place, boxes in kept["found"].items()}
    names = tuple(kept["class_names"])
    return RunAnalysis(**{**kept, **arrays, "gray_resampled": gray, "found": found, "class_names": names})
