import json
from pathlib import Path
from typing import Any

import pytest
from tests.broken_data import SIZE, coco

from lightweight_ssd.data.checks.coco import check_coco_file
from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem


def check(root: Path, **options: Any) -> tuple[list[Problem], list[ListedImage]]:
    found = list(check_coco_file(root / "train.json", root / "images", ["train", "val"], **options))
    return [one for one in found if isinstance(one, Problem)], [one for one in found if isinstance(one, ListedImage)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    coco(tmp_path)
    return tmp_path


def change(root: Path, **groups: list[dict[str, Any]]) -> None:
    """Adds entries to the file, each like the first one of its group."""
    file = json.loads((root / "train.json").read_text())
    for name, entries in groups.items():
        file[name] += [{**file[name][0], **entry} for entry in entries]
    (root / "train.json").write_text(json.dumps(file))


def test_a_good_file_gives_its_images_in_order(root: Path):
    problems, images = check(root)
    assert problems == []
    assert images[1] == ListedImage(str(root / "images/b.jpg"), SIZE, frozenset({"train", "val"}))
    assert len(images) == 3


def test_every_entry_is_looked_at_and_names_its_image(root: Path):
    change(
        root,
        annotations=[
            {"id": 1, "bbox": [70, 5, 35, 9]},
            {"id": 2, "bbox": [5, 5, -1, 9]},
            {"id": 3, "bbox": [5, 5, 0, 9]},
            {"id": 4, "bbox": [5, 5, float("inf"), 9]},
            {"id": 5, "category_id": 4},
            {"id": 6, "image_id": 4},
            {"id": 1},
        ],
        images=[{"id": 9, "file_name": "a.jpg"}, {"id": 8, "file_name": 8}],
    )
    problems, images = check(root)
    assert sorted((one.kind, Path(one.file).name) for one in problems) == sorted([
        (Kind.DUPLICATE_IMAGE, "a.jpg"), (Kind.DUPLICATE_IMAGE, "a.jpg"), (Kind.MALFORMED, "train.json"),
        (Kind.DECIDED, "train.json"), (Kind.BOX_OUTSIDE, "a.jpg"), (Kind.BOX_INVERTED, "a.jpg"),
        (Kind.BOX_DROPPED, "a.jpg"), (Kind.BOX_NOT_NUMBERS, "a.jpg"), (Kind.UNKNOWN_CLASS, "a.jpg"),
        (Kind.UNKNOWN_IMAGE, "train.json"),
    ])  # fmt: skip
    assert all(one.detail and one.split == "train, val" for one in problems)
    (note,) = (one.detail for one in problems if one.kind == Kind.DECIDED)
    assert note.startswith("2 of 10 annotations of ") and note.endswith("without an id of their own: renumbered")
    assert [Path(image.path).name for image in images] == ["a.jpg", "b.jpg", "c.jpg"]


def test_only_a_wrong_box_is_called_one(root: Path):
    home = root.rename(root.with_name("bbox `$.bbox` NaN"))
    change(
        home,
        annotations=[
            {"id": 1, "area": -1}, {"id": 2, "iscrowd": "maybe"}, {"id": 3, "bbox": 7},
            {"id": 4, "bbox": [1, 2]}, {"id": 5, "bbox": [1, None, 2, 3]},
        ],
    )  # fmt: skip
    file = json.loads((home / "train.json").read_text())
    del file["annotations"][0]["bbox"]
    (home / "train.json").write_text(json.dumps(file))
    kinds = [one.kind for one in check(home)[0]]
    box, other = Kind.BOX_NOT_NUMBERS, Kind.MALFORMED
    assert kinds == [box, other, other, box, box, box]


def test_a_box_without_area_is_an_error_where_it_is_not_dropped(root: Path):
    change(root, annotations=[{"id": 3, "bbox": [5, 5, 0, 9]}])
    assert [one.severity for one in check(root)[0]] == ["note"]
    assert [one.kind for one in check(root, drop_empty_boxes=False)[0]] == [Kind.BOX_WITHOUT_AREA]


def test_the_tolerance_is_that_of_training(root: Path):
    change(root, annotations=[{"id": 3, "bbox": [50, 5, 33, 9]}])
    assert [one.kind for one in check(root)[0]] == [Kind.BOX_OUTSIDE]
    assert check(root, box_tolerance=3.0)[0] == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"images": []}', "[" * 100_000])
def test_a_file_that_is_none_is_one_problem(root: Path, text: str):
    (root / "train.json").write_text(text)
    (problem,), images = check(root)
    assert (problem.kind, problem.file, images) == (Kind.MALFORMED_FILE, str(root / "train.json"), [])


def test_every_decision_is_a_note(root: Path):
    change(
        root,
        annotations=[
            {"id": 1, "attributes": {"difficult": True}},
            {"id": 2, "bbox": None, "segmentation": [[5, 5, 20, 5, 20, 30]]},
        ],
        categories=[{"id": 0, "name": "background"}],
    )
    problems, _ = check(root)
    assert {(one.kind, one.severity, Path(one.file).name) for one in problems} == {(Kind.DECIDED, "note", "train.json")}
    said = [one.detail for one in problems]
    assert "category 0 'background' of" in said[0] and "is no class" in said[0]
    assert said[1].startswith("1 object of") and "marked difficult by attributes.difficult" in said[1]
    assert "without bbox: boxes are those of the polygons" in said[2]


def test_categories_are_held_against_those_of_training(root: Path):
    problems, _ = check(root, class_names=("dog",))
    assert {one.kind for one in problems} == {Kind.UNKNOWN_CLASS, Kind.DECIDED}
    assert "among the 1 classes to train on, but got 'cat': name it as there" in problems[-1].detail
