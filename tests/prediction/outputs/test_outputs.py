"""Each kind of file says the same of the same detections, as the tool that made the format reads it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from lightweight_ssd.prediction.detections import ImageDetections
from lightweight_ssd.prediction.frames import Moment
from lightweight_ssd.prediction.outputs.outputs import Kind, Outputs
from lightweight_ssd.prediction.outputs.picture import Picture

KINDS: tuple[Kind, ...] = ("images", "json", "coco", "csv", "yolo", "crops")
NAMES, IDS = ["cat", "=1+1", "a/../../b"], [17, 3, 90]
BOXES = np.array([[10.25, 5.5, 50, 25], [0, 0, 80, 60], [79.5, 59.5, 80, 60]], np.float32)
SCORES = np.array([0.875, 0.5, 0.25], np.float32)


def detections(count: int, source: str, frame: int | None = None) -> ImageDetections:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[5:25, 10:50] = 220
    seconds = None if frame is None else frame / 25
    labels = np.arange(count)
    return ImageDetections(
        BOXES[:count], SCORES[:count], labels, NAMES, IDS, 80, 60, Path(source), pixels, source, frame, seconds
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Two images and two frames of a video, written in every kind."""
    with Outputs(tmp_path, KINDS, NAMES, IDS) as outputs:
        outputs.add(Picture(detections(3, "p/=a.png"), "=a"))
        outputs.add(Picture(detections(0, "p/b.png"), "b"))
        for frame in (0, 7):
            outputs.add(Picture(detections(1, "p/clip.avi", frame), "clip", Moment(frame, frame / 25, 25.0, 2)))
    assert list(outputs.places) == list(KINDS)
    assert all(place.exists() for place in outputs.places.values())
    return tmp_path


def test_json_has_every_picture(written: Path) -> None:
    entries = json.loads((written / "predictions.json").read_text())
    assert [entry["file"] for entry in entries] == ["p/=a.png", "p/b.png", "p/clip.avi", "p/clip.avi"]
    assert [entry["picture"] for entry in entries] == ["=a.jpg", "b.jpg", "clip.mp4", "clip.mp4"]
    assert [entry.get("frame") for entry in entries] == [None, None, 0, 7] and entries[3]["seconds"] == 0.28
    assert [len(entry["detections"]) for entry in entries] == [3, 0, 1, 1]
    assert entries[0]["detections"][0] == {
        "label": 0, "category_id": 17, "class_name": "cat", "score": 0.875, "box": [10.25, 5.5, 50, 25],
    }  # fmt: skip
    assert (entries[0]["width"], entries[0]["height"]) == (80, 60)


def test_coco_results_are_read_by_pycocotools(written: Path) -> None:
    images = COCO(str(written / "coco_images.json"))
    results = images.loadRes(str(written / "coco_results.json"))
    assert [(image["id"], image["file_name"]) for image in images.dataset["images"]] == [
        (1, "=a.png"), (2, "b.png"), (3, "clip.avi"), (4, "clip.avi"),
    ]  # fmt: skip
    assert images.dataset["images"][3]["frame"] == 7 and images.dataset["images"][0]["path"] == "p/=a.png"
    assert {each["id"]: each["name"] for each in images.dataset["categories"]} == dict(zip(IDS, NAMES, strict=True))
    found = [(each["image_id"], each["category_id"], each["bbox"], each["score"]) for each in results.anns.values()]
    assert found[0] == (1, 17, [10.25, 5.5, 39.75, 19.5], 0.875)
    assert [each[:2] for each in found] == [(1, 17), (1, 3), (1, 90), (3, 17), (4, 17)]


def test_the_table_has_a_row_for_each_detection_and_nothing_to_compute(written: Path) -> None:
    with (written / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class_name"] for row in rows] == ["cat", "'=1+1", "a/../../b", "cat", "cat"]
    assert [row["frame"] for row in rows] == ["", "", "", "0", "7"]
    first = {
        name: rows[0][name] for name in ("category_id", "label", "score", "x1", "y1", "x2", "y2", "width", "height")
    }
    assert list(first.values()) == ["17", "0", "0.875", "10.250", "5.500", "50.000", "25.000", "80", "60"]


@pytest.mark.parametrize("with_scores", [False, True])
def test_yolo_text_gives_the_boxes_back(tmp_path: Path, with_scores: bool) -> None:
    with Outputs(tmp_path, ["yolo"], NAMES, IDS, yolo_scores=with_scores) as outputs:
        outputs.add(Picture(detections(3, "p/a.png"), "a"))
        outputs.add(Picture(detections(0, "p/b.png"), "b"))
        outputs.add(Picture(detections(1, "p/a.avi", 7), "a-2", Moment(7, 0.28, 25.0, 2)))
    rows = np.array([line.split() for line in (tmp_path / "labels/a.txt").read_text().splitlines()], np.float64)
    assert rows.shape == (3, 6 if with_scores else 5) and rows[:, 0].tolist() == [0, 1, 2]
    centers, sizes = rows[:, 1:3] * (80, 60), rows[:, 3:5] * (80, 60)
    np.testing.assert_allclose(np.hstack([centers - sizes / 2, centers + sizes / 2]), BOXES, atol=1e-4)
    if with_scores:
        np.testing.assert_allclose(rows[:, 5], SCORES)
    assert (tmp_path / "labels/b.txt").read_text() == ""
    assert len((tmp_path / "labels/a-2/000007.txt").read_text().splitlines()) == 1
    assert (tmp_path / "classes.txt").read_text().splitlines() == NAMES


def test_crops_lie_in_a_folder_for_each_class(written: Path) -> None:
    crops = sorted(str(path.relative_to(written / "crops")) for path in written.rglob("crops/*/**/*.jpg"))
    assert crops == [
        "=1+1/=a_2.jpg",
        "a_.._.._b/=a_3.jpg",
        "cat/=a_1.jpg",
        "cat/clip/000000_1.jpg",
        "cat/clip/000007_1.jpg",
    ]
    first = np.asarray(Image.open(written / "crops/cat/=a_1.jpg"))
    assert first.shape == (20, 40, 3) and first[2:-2, 2:-2].min() > 190
    assert Image.open(written / "crops/a_.._.._b/=a_3.jpg").size == (1, 1)
    assert not (written.parent / "b").exists()


def test_only_what_was_asked_for_is_written(tmp_path: Path) -> None:
    with Outputs(tmp_path, ["csv"], NAMES, IDS) as outputs:
        outputs.add(Picture(detections(3, "p/a.png"), "a"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lssd-predict", "predictions.csv"]
    with Outputs(tmp_path, ["json"], NAMES, IDS) as outputs:
        outputs.add(Picture(detections(3, "p/a.png"), "a"))
    assert json.loads((tmp_path / "predictions.json").read_text())[0]["picture"] is None


def test_whatever_ends_it_the_files_are_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Outputs(tmp_path, KINDS, NAMES, IDS) as outputs:
        outputs.add(Picture(detections(1, "p/clip.avi", 0), "clip", Moment(0, 0.0, 25.0, 2)))
        raise KeyboardInterrupt
    assert len(json.loads((tmp_path / "predictions.json").read_text())) == 1
    assert len(json.loads((tmp_path / "coco_results.json").read_text())) == 1
    assert (tmp_path / "clip.mp4").stat().st_size > 0
    assert not list(tmp_path.rglob("*.part*"))
