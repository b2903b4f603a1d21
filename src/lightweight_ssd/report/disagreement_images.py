"""The test images on which rows disagree most, small enough for a page, with ground truth and detections."""

import base64
import io
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from lightweight_ssd.analysis.disagreement import most_disagreed
from lightweight_ssd.analysis.ground_truth import AnnotatedImage, read_ground_truth
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.report.comparison import Comparison
from lightweight_ssd.report.run_analysis import RunAnalysis
from lightweight_ssd.runs.files import GROUND_TRUTH_FILE
from lightweight_ssd.runs.record import RunRecord

__all__ = ["disagreement_images", "thumbnail"]

_LONGEST_SIDE = 320  # pixels; 24 images then add about half a megabyte to a page


def disagreement_images(
    comparison: Comparison, max_images: int, folder: Path | None = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Chooses images and gathers what the page draws.

    Every row is compared with its baseline by their first seeds; the images on which the two differ most are taken from
    each pair in turn. Where no row has a baseline, all are compared with the first; of a single row, its seeds. Of a
    single run, images from its worst to its best stand for all.

    Args:
        comparison: Rows and what was computed of their runs.
        max_images: At most so many.
        folder: Where to look for image files by name; None looks where they lay when the run was measured.

    Returns:
        An entry for each image, and a note where image files are not there.
    """
    peers = _peers(comparison)
    if not peers or max_images < 1:
        return [], []
    runs = {run.identity["content"]: comparison.analyses[run.identity["content"]] for run in peers}
    places = _places(comparison, peers, max_images)
    known = _ground_truth(peers[0].folder / GROUND_TRUTH_FILE)
    files = _files_by_name(folder)
    entries = [_entry(known[place], place, runs, files) for place in places if place < len(known)]
    missing = [entry["file"] for entry in entries if entry["src"] is None]
    if not missing:
        return entries, []
    note = (
        f"{len(missing)} of {len(entries)} images of the comparison cannot be read, such as {missing[0]}; their boxes "
        "are drawn without them. Name the folder of the image files with images=FOLDER."
    )
    return entries, [note]


def thumbnail(path: Path, size: tuple[int, int], longest: int = _LONGEST_SIDE) -> str | None:
    """An image file as a data URI of a JPEG, None where it is missing, broken or of another size.

    Args:
        path: Image file.
        size: Height and width according to its annotation.
        longest: Longest side of the JPEG, pixels.
    """
    try:
        if not path.is_file():  # to read from a device or a pipe may never end
            return None
        image = Image.fromarray(read_image(path, size))
    except (OSError, ValueError):
        return None
    image.thumbnail((longest, longest))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _peers(comparison: Comparison) -> list[RunRecord]:
    """The runs that were measured on the first baseline's test set, those of baselines first."""
    rows = sorted(comparison.rows, key=lambda row: not comparison.is_baseline(row))
    runs = [run for row in rows for run in row.finished if run.identity["content"] in comparison.analyses]
    sets = [(each.truth, each.class_names) for run in runs if (each := comparison.analyses[run.identity["content"]])]
    return [run for run, measured_on in zip(runs, sets, strict=True) if measured_on == sets[0]]


def _places(comparison: Comparison, peers: Sequence[RunRecord], count: int) -> list[int]:
    """Places of the chosen images: the first of each pair, then the second of each, and so on."""
    scores = {run.folder: comparison.analyses[run.identity["content"]].image_scores for run in peers}
    pairs = _pairs(comparison, peers)
    ranked = [most_disagreed(scores[one.folder], scores[other.folder], count).tolist() for one, other in pairs]
    ranked = ranked or [_sample(scores[peers[0].folder], count)]
    turns = [place for turn in zip_longest(*ranked) for place in turn if place is not None]
    return list(dict.fromkeys(turns))[:count]


def _sample(scores: Float[np.ndarray, " N"], count: int) -> list[int]:
    """Places from the lowest score to the highest, evenly spread over all images."""
    order = np.argsort(scores, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))].tolist()


def _pairs(comparison: Comparison, peers: Sequence[RunRecord]) -> list[tuple[RunRecord, RunRecord]]:
    """First runs of a baseline and of each row that is compared with it; if there is none, all against the first."""
    known = {run.folder for run in peers}
    first = {row.id: next((run for run in row.finished if run.folder in known), None) for row in comparison.rows}
    pairs = [
        (one, other)
        for row in comparison.rows
        if not comparison.is_baseline(row) and (baseline := comparison.baselines.get(row.id))
        if (one := first[baseline.id]) and (other := first[row.id])
    ]
    others = [run for run in first.values() if run and run is not peers[0]] or peers[1:]
    return pairs or [(peers[0], run) for run in others]


def _ground_truth(path: Path) -> list[tuple[AnnotatedImage, list[dict[str, Any]]]]:
    """Images by rising id, as the analyses count them, each with its objects."""
    truth = read_ground_truth(path)
    labels = {category.id: label for label, category in enumerate(truth.categories)}
    objects: dict[int, list[dict[str, Any]]] = {image.id: [] for image in truth.images}
    for known in truth.annotations:
        x, y, width, height = known.bbox
        box = [round(value, 1) for value in (x, y, x + width, y + height)]
        difficult = bool(known.difficult or known.iscrowd)  # either counts neither way
        entry = {"box": box, "label": labels[known.category_id], "difficult": difficult}
        objects[known.image_id].append(entry)
    return [(image, objects[image.id]) for image in truth.images]


def _files_by_name(folder: Path | None) -> dict[str, Path] | None:
    return None if folder is None else {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}


def _entry(
    known: tuple[AnnotatedImage, list[dict[str, Any]]],
    place: int,
    runs: dict[str, RunAnalysis],
    files: dict[str, Path] | None,
) -> dict[str, Any]:
    image, objects = known
    path = image.path if files is None else files.get(image.file_name)
    return {
        "id": image.id,
        "file": image.file_name,
        "src": thumbnail(Path(path), (image.height, image.width)) if path else None,
        "width": image.width,
        "height": image.height,
        "truth": objects,
        "found": {name: analysis.found.get(place, []) for name, analysis in runs.items()},
        "score": {name: float(analysis.image_scores[place]) for name, analysis in runs.items()},
    }
