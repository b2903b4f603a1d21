import json
import os
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from tests.official_coco import official_metrics

from lightweight_ssd.data.formats.coco_results import (
    ResultColumns,
    read_detections,
    write_detections,
    write_ground_truth,
)
from lightweight_ssd.metrics.coco import COCOMetric
from lightweight_ssd.metrics.voc import VOCMetric
from lightweight_ssd.system.atomic_write import NotWritten
from lightweight_ssd.tensor_types import Detections
from lightweight_ssd.types import IGNORED_AREA, Annotation

NAMES = ("cat", "dog", "bird")
_SHORT = '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 0.5}]'
_TEXT = '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": "0.5"}]'
NOTHING = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))


def split(images: int = 12) -> tuple[dict[int, Detections], list[Annotation]]:
    rng = np.random.default_rng(0)
    detections, annotations = {}, []
    for image_id in range(100, 100 + images):
        corner = rng.uniform(0, 150, (3, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(20, 100, (3, 2))], 1).astype(np.float32)
        labels, difficult = rng.integers(0, 3, 3), rng.random(3) < 0.2
        annotations.append(Annotation.of_boxes(image_id, f"/data/{image_id}.jpg", 300, 400, boxes, labels, difficult))
        guess = np.repeat(boxes, 5, 0) + rng.normal(0, 8, (15, 4)).astype(np.float32)
        scores = torch.sort(torch.from_numpy(rng.random(15).astype(np.float32) ** 4), descending=True).values
        detections[image_id] = Detections(torch.from_numpy(guess), scores, torch.from_numpy(np.repeat(labels, 5)))
    return detections, annotations


def by_image(columns: ResultColumns, image_ids: Iterable[int]) -> dict[int, Detections]:
    found = {}
    for image_id in image_ids:
        boxes, scores, labels = (
            torch.from_numpy(column[columns.image_ids == image_id])
            for column in (columns.boxes, columns.scores, columns.labels)
        )
        found[image_id] = Detections(boxes, scores, labels)
    return found


def figures(detections: dict[int, Detections], annotations: list[Annotation]) -> dict[str, float]:
    metric = VOCMetric(NAMES)
    metric.update([detections[annotation.image_id] for annotation in annotations], annotations)
    return metric.compute().scalars()


def test_no_detections_and_no_images(tmp_path: Path):
    write_detections(tmp_path / "detections.json", {7: NOTHING})
    assert json.loads((tmp_path / "detections.json").read_text()) == []
    read = read_detections(tmp_path / "detections.json", [7])
    assert read.boxes.shape == (0, 4) and read.labels.dtype == read.image_ids.dtype == np.int64
    write_ground_truth(tmp_path / "truth.json", [], NAMES)
    assert json.loads((tmp_path / "truth.json").read_text())["annotations"] == []


def test_the_figures_from_the_file_equal_the_live_ones(tmp_path: Path):
    detections, annotations = split()
    write_detections(tmp_path / "detections.json", detections)
    read = by_image(read_detections(tmp_path / "detections.json", detections), detections)
    live, filed = figures(detections, annotations), figures(read, annotations)
    assert 0.1 < live["map_50"] < 0.9
    assert filed == pytest.approx(live, abs=1e-3)


def test_the_reader_gives_back_what_was_written(tmp_path: Path):
    detections, _ = split(3)
    write_detections(tmp_path / "detections.json", detections, category_ids=(1, 18, 90))
    assert {row["category_id"] for row in json.loads((tmp_path / "detections.json").read_text())} <= {1, 18, 90}
    columns = read_detections(tmp_path / "detections.json", [*detections, 999], category_ids=(1, 18, 90))
    read = by_image(columns, [*detections, 999])
    assert columns.boxes.dtype == columns.scores.dtype == np.float32
    assert len(read[999].labels) == 0
    for image_id, found in detections.items():
        assert torch.equal(read[image_id].labels, found.labels)
        torch.testing.assert_close(read[image_id].boxes, found.boxes, atol=2e-3, rtol=0)
        torch.testing.assert_close(read[image_id].scores, found.scores, atol=0, rtol=1e-5)


def test_small_scores_stay_apart(tmp_path: Path):
    scores = torch.tensor([0.00123456, 0.00123455])
    found = Detections(torch.rand(2, 4), scores, torch.zeros(2, dtype=torch.int64))
    write_detections(tmp_path / "detections.json", {1: found})
    first, second = (row["score"] for row in json.loads((tmp_path / "detections.json").read_text()))
    assert first > second


def test_pycocotools_reads_both_and_ground_truth_as_detections_gives_100(tmp_path: Path):
    _, annotations = split()
    certain = {
        a.image_id: Detections(torch.from_numpy(a.boxes), torch.ones(3), torch.from_numpy(a.labels))
        for a in annotations
    }
    gaps = (1, 18, 90)
    write_ground_truth(tmp_path / "truth.json", annotations, NAMES, gaps)
    write_detections(tmp_path / "detections.json", certain, gaps)
    assert official_metrics(tmp_path / "truth.json", tmp_path / "detections.json")[0] == pytest.approx(1.0)
    with redirect_stdout(StringIO()):
        assert [category["name"] for category in COCO(str(tmp_path / "truth.json")).loadCats(gaps)] == list(NAMES)


def test_ground_truth_keeps_sizes_names_and_difficult(tmp_path: Path):
    annotation = split(1)[1][0]._replace(difficult=np.array([True, False, False]))
    write_ground_truth(tmp_path / "truth.json", [annotation], NAMES)
    content = json.loads((tmp_path / "truth.json").read_text())
    assert content["images"] == [
        {"id": 100, "file_name": "100.jpg", "path": "/data/100.jpg", "width": 400, "height": 300}
    ]
    assert [row["difficult"] for row in content["annotations"]] == [1, 0, 0]
    assert [row["ignore"] for row in content["annotations"]] == [1, 0, 0]
    assert {row["iscrowd"] for row in content["annotations"]} == {0}
    assert [row["id"] for row in content["annotations"]] == [1, 2, 3]


def test_crowds_areas_and_category_ids_are_the_datas_own(tmp_path: Path):
    known = split(1)[1][0]._replace(
        crowd=np.array([False, True, False]), areas=np.array([10.5, 7, 1234.5678], np.float32)
    )
    write_ground_truth(tmp_path / "truth.json", [known], NAMES, category_ids=(1, 18, 90))
    content = json.loads((tmp_path / "truth.json").read_text())
    assert [row["iscrowd"] for row in content["annotations"]] == [0, 1, 0]
    assert [row["area"] for row in content["annotations"]] == [10.5, 7, 1234.568]
    assert not any("true_area" in row for row in content["annotations"])
    assert [row["category_id"] for row in content["annotations"]] == [(1, 18, 90)[label] for label in known.labels]
    assert [row["id"] for row in content["categories"]] == [1, 18, 90]


def test_a_difficult_object_has_an_area_that_cocos_tool_ignores_and_keeps_its_own(tmp_path: Path):
    """A crowd is ignored as such, whether it is difficult or not."""
    flags = {"difficult": np.array([True, False, True]), "crowd": np.array([False, False, True])}
    known = split(1)[1][0]._replace(**flags, areas=np.array([10.5, 7, 1234.5678], np.float32))
    write_ground_truth(tmp_path / "truth.json", [known], NAMES)
    content = json.loads((tmp_path / "truth.json").read_text())
    assert [row["area"] for row in content["annotations"]] == [IGNORED_AREA, 7, 1234.568]
    assert [row.get("true_area") for row in content["annotations"]] == [10.5, None, None]


@pytest.mark.parametrize("seed", range(3))
def test_pycocotools_gives_the_cocos_metrics_of_the_run_for_its_files(tmp_path: Path, seed: int):
    """With difficult objects, crowds, areas of masks and gaps in the ids."""
    rng = np.random.default_rng(seed)
    detections, annotations = split(24)
    annotations = [
        known._replace(
            crowd=rng.random(3) < 0.2,
            difficult=rng.random(3) < 0.3,
            areas=(known.areas * rng.uniform(0.1, 1, 3)).astype(np.float32),
        )
        for known in annotations
    ]
    metric = COCOMetric(NAMES)
    metric.update([detections[known.image_id] for known in annotations], annotations)
    write_detections(tmp_path / "detections.json", detections, (1, 18, 90))
    write_ground_truth(tmp_path / "truth.json", annotations, NAMES, (1, 18, 90))
    ours = metric.compute()
    assert 0.05 < ours.ap < 0.9
    np.testing.assert_allclose(
        list(ours.scalars().values()),
        official_metrics(tmp_path / "truth.json", tmp_path / "detections.json"),
        rtol=1e-12,
    )


def test_a_failed_write_leaves_what_was_there_and_no_remains(tmp_path: Path):
    path = tmp_path / "truth.json"
    (path / "old").mkdir(parents=True)
    with pytest.raises(NotWritten, match=r"Expected to write .*truth\.json .* but got 'Is a directory'.*make room"):
        write_ground_truth(path, [], NAMES)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["old", "truth.json"]


def test_a_file_name_that_is_not_utf_8_is_written_and_read_back(tmp_path: Path):
    name = os.fsdecode(b"caf\xe9.jpg")
    write_ground_truth(tmp_path / "truth.json", [split(1)[1][0]._replace(path=f"/data/{name}")], NAMES)
    (image,) = json.loads((tmp_path / "truth.json").read_text())["images"]
    assert (image["file_name"], os.fsencode(image["path"])) == (name, b"/data/caf\xe9.jpg")


def test_category_ids_of_another_length_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="Expected one category id per class name but got 2 ids for 3 names"):
        write_ground_truth(tmp_path / "truth.json", [], NAMES, (1, 2))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"Expected a COCO results file at .*absent\.json"):
        read_detections(tmp_path / "absent.json", [])


@pytest.mark.parametrize("content", ["[{", '{"images": []}', '[{"image_id": 1}]', "[1]", _SHORT, _TEXT])
def test_another_file_is_refused_by_name(tmp_path: Path, content: str):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(ValueError, match=r"Expected .*other\.json"):
        read_detections(tmp_path / "other.json", [1])


@pytest.mark.parametrize(("image_ids", "category_ids"), [([2], None), ([1], (7,))])
def test_an_unknown_image_or_category_is_refused(tmp_path: Path, image_ids: list[int], category_ids: tuple | None):
    found = Detections(torch.rand(1, 4), torch.rand(1), torch.zeros(1, dtype=torch.int64))
    write_detections(tmp_path / "detections.json", {1: found})
    with pytest.raises(ValueError, match="got image_id 1 with category_id 1"):
        read_detections(tmp_path / "detections.json", image_ids, category_ids)
