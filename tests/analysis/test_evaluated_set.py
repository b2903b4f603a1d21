"""The files of a run give its figure again: written by the run's own writers, read back, scored."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lightweight_ssd.analysis.evaluated_set import read_evaluated_set
from lightweight_ssd.data.formats.coco_results import write_detections, write_ground_truth
from lightweight_ssd.metrics.average_precision import voc_average_precision
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import Annotation

NAMES = ("cat", "dog", "hen")


def random_run(seed: int, images: int = 30) -> tuple[dict[int, Detections], list[Annotation]]:
    """Image ids neither from 0 nor in order, images without objects or detections, equal scores, difficult objects."""
    rng = np.random.default_rng(seed)
    found, known = {}, []
    for image_id in rng.permutation(images) * 3 + 5:
        count = int(rng.integers(0, 4))
        corner = rng.integers(0, 200, (count, 2))
        truth = np.concatenate([corner, corner + rng.integers(20, 100, (count, 2))], 1).astype(np.float32)
        labels = rng.integers(0, len(NAMES), count)
        path = f"/images/{image_id:06}.jpg"
        known.append(Annotation.of_boxes(int(image_id), path, 300, 400, truth, labels, rng.random(count) < 0.2))
        boxes = np.repeat(truth, 4, 0) + rng.normal(0, 8, (4 * count, 4)).astype(np.float32)
        scores = np.sort(rng.integers(1, 9, 4 * count) / 8)[::-1].astype(np.float32)
        wrong = rng.random(4 * count) < 0.2
        classes = np.where(wrong, rng.integers(0, len(NAMES), 4 * count), np.repeat(labels, 4))
        found[int(image_id)] = Detections(*(torch.from_numpy(column.copy()) for column in (boxes, scores, classes)))
    return found, known


def write(folder: Path, found: dict[int, Detections], known: list[Annotation]) -> tuple[Path, Path]:
    detections, truth = folder / "detections.json", folder / "ground_truth.json"
    write_detections(detections, found)
    write_ground_truth(truth, known, NAMES)
    return detections, truth


@pytest.mark.parametrize("seed", range(3))
def test_the_files_give_the_figure_of_the_run(seed: int, tmp_path: Path):
    found, known = random_run(seed)
    metric = VOCMetric(NAMES)
    metric.update([found[annotation.image_id] for annotation in known], known)
    expected = metric.compute()
    evaluated = read_evaluated_set(*write(tmp_path, found, known))
    result = voc_average_precision(evaluated.detections, evaluated.objects, len(evaluated.class_names))
    np.testing.assert_allclose(result.area[0], expected.ap_50, atol=1e-6)
    assert np.nanmean(result.area[0]) == pytest.approx(expected.map_50, abs=1e-6)
    assert 0.2 < expected.map_50 < 0.95


def test_every_column_is_the_annotations(tmp_path: Path):
    found, known = random_run(4)
    evaluated = read_evaluated_set(*write(tmp_path, found, known))
    known = sorted(known, key=lambda annotation: annotation.image_id)
    assert evaluated.image_ids.tolist() == [annotation.image_id for annotation in known]
    assert evaluated.image_names == tuple(Path(annotation.path).name for annotation in known)
    assert evaluated.sizes.tolist() == [[300, 400]] * len(known)
    assert evaluated.class_names == NAMES
    for index, annotation in enumerate(known):
        mine = evaluated.objects.image_index == index
        np.testing.assert_array_equal(evaluated.objects.boxes[mine], annotation.boxes)
        assert evaluated.objects.labels[mine].tolist() == annotation.labels.tolist()
        assert evaluated.objects.difficult[mine].tolist() == annotation.difficult.tolist()
        listed = evaluated.detections.image_index == index
        assert evaluated.detections.scores[listed].tolist() == found[annotation.image_id].scores.tolist()


def test_paths_and_gaps_in_the_category_ids(tmp_path: Path):
    truth = {
        "images": [
            {"id": 9, "file_name": "b.jpg", "width": 8, "height": 6, "path": "/data/b.jpg"},
            {"id": 2, "file_name": "a.jpg", "width": 4, "height": 5},
        ],
        "annotations": [{"id": 1, "image_id": 9, "category_id": 90, "bbox": [1, 2, 3, 4], "difficult": 1}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 90, "name": "dog"}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    rows = [{"image_id": 9, "category_id": 90, "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.5}]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    evaluated = read_evaluated_set(tmp_path / "found.json", tmp_path / "truth.json")
    assert evaluated.image_paths == (None, "/data/b.jpg") and evaluated.sizes.tolist() == [[5, 4], [6, 8]]
    assert evaluated.objects.labels.tolist() == evaluated.detections.labels.tolist() == [1]
    assert evaluated.objects.boxes.tolist() == evaluated.detections.boxes.tolist() == [[1, 2, 4, 6]]
    assert evaluated.objects.difficult.tolist() == [True] and evaluated.objects.image_index.tolist() == [1]


def test_an_empty_split_keeps_the_shapes(tmp_path: Path):
    evaluated = read_evaluated_set(*write(tmp_path, {}, []))
    assert evaluated.sizes.shape == (0, 2)
    assert evaluated.objects.boxes.shape == evaluated.detections.boxes.shape == (0, 4)


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path):
    found, known = random_run(6)
    detections, truth = write(tmp_path, found, known)
    with pytest.raises(FileNotFoundError, match="Expected a COCO instances file at"):
        read_evaluated_set(detections, tmp_path / "missing.json")
    with pytest.raises(FileNotFoundError, match="Expected a COCO results file at"):
        read_evaluated_set(tmp_path / "missing.json", truth)
    with pytest.raises(ValueError, match="not a results file"):
        read_evaluated_set(detections, detections)
    content = json.loads(truth.read_text())
    content["annotations"][0]["category_id"] = 77
    truth.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="category_id 77"):
        read_evaluated_set(detections, truth)
    truth.write_text("{")
    with pytest.raises(ValueError, match="Expected JSON in"):
        read_evaluated_set(detections, truth)


def test_crowds_give_the_figure_of_the_run_too(tmp_path: Path):
    found, known = random_run(6)
    rng = np.random.default_rng(0)
    known = [each._replace(crowd=rng.random(len(each.labels)) < 0.3) for each in known]
    metric = VOCMetric(NAMES)
    metric.update([found[each.image_id] for each in known], known)
    evaluated = read_evaluated_set(*write(tmp_path, found, known))
    assert len(evaluated.objects.labels) == sum(int((~each.crowd).sum()) for each in known)
    assert len(evaluated.detections.labels) < sum(len(each.labels) for each in found.values())
    result = voc_average_precision(evaluated.detections, evaluated.objects, len(NAMES))
    np.testing.assert_allclose(result.area[0], metric.compute().ap_50, atol=1e-6)
