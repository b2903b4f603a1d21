"""Entries as labeling tools write them: what can mean one thing only is read so, everything else is one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.coco_example import document, write

from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.packed import PackedAnnotations


def read(root: Path, content: object, **options: Any) -> PackedAnnotations:
    return read_instances(write(root, content), root / "images", **options)


def flagged(root: Path, **fields: Any) -> tuple[bool, bool]:
    """(difficult, crowd) of annotation 11 with these fields; nothing else changes."""
    content = document()
    content["annotations"][0] |= fields
    split = read(root, content)
    before = read(root, document())
    np.testing.assert_array_equal(split.boxes, before.boxes)
    (where,) = np.flatnonzero(split.image_ids == 7)
    place = split.offsets[where]
    assert split.difficult.sum() - split.difficult[place] == 1 and split.crowd.sum() - split.crowd[place] == 1
    return bool(split.difficult[place]), bool(split.crowd[place])


YES = [True, 1, 1.0, "1", "true", "True", " YES ", "1.0"]
NO = [False, 0, 0.0, "0", "false", "False", "no", None, "", float("nan")]


@pytest.mark.parametrize("value", YES)
def test_a_flag_that_is_set_in_any_spelling(tmp_path: Path, value: Any) -> None:
    assert flagged(tmp_path, difficult=value) == (True, False)
    assert flagged(tmp_path, iscrowd=value) == (False, True)
    assert flagged(tmp_path, attributes={"difficult": value, "truncated": "x"}) == (True, False)
    assert flagged(tmp_path, attributes={"is_crowd": value}, iscrowd=None) == (False, True)


@pytest.mark.parametrize("value", NO)
def test_a_flag_that_is_not_set_in_any_spelling(tmp_path: Path, value: Any) -> None:
    for fields in ({"difficult": value}, {"iscrowd": value}, {"attributes": {"difficult": value}}):
        assert flagged(tmp_path, **fields) == (False, False)


@pytest.mark.parametrize("attributes", [None, {}, [], "{}", {"rotation": 0.0, "occluded": False}, {"color": "red"}])
def test_attributes_without_flags_do_not_matter(tmp_path: Path, attributes: Any) -> None:
    assert flagged(tmp_path, attributes=attributes) == (False, False)


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", "2", [], {}])
def test_a_flag_that_is_none_is_one_sentence(tmp_path: Path, value: Any) -> None:
    for field in ("iscrowd", "difficult"):
        with pytest.raises(ValueError, match=rf"^Expected annotations\[0\] of .*0, 1, true or false.*`\$\.{field}`"):
            flagged(tmp_path, **{field: value})
    with pytest.raises(ValueError, match=r"`\$\.attributes\.difficult`"):
        flagged(tmp_path, attributes={"difficult": value})


def test_difficult_objects_of_attributes_are_noted(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["attributes"] = {"difficult": True}
    (note,) = read(tmp_path, content).notes
    assert note.startswith("1 object of") and note.endswith("marked difficult by attributes.difficult")


@pytest.mark.parametrize(
    "ids", [[1, 1, 2, 2, 3], [None, "a", 2.5, {}, 3], [1, 1.0, "1", 4, 5], ["x", "x", "y", "z", 2**70]]
)
def test_ids_of_annotations_are_their_own_affair(tmp_path: Path, ids: list[Any]) -> None:
    content = document()
    for entry, number in zip(content["annotations"], ids, strict=True):
        entry["id"] = number
    split = read(tmp_path, content)
    np.testing.assert_array_equal(split.boxes, read(tmp_path, document()).boxes)
    (note,) = split.notes
    assert "of 5 annotations of" in note and note.endswith("without an id of their own: renumbered")
    content["annotations"][1]["bbox"] = [0, 0, 500, 5]
    with pytest.raises(ValueError, match=r"box of annotations\[1\] of image 42 in"):
        read(tmp_path, content)


def test_annotations_without_ids_are_read(tmp_path: Path) -> None:
    content = document()
    for entry in content["annotations"]:
        del entry["id"]
    assert len(read(tmp_path, content).boxes) == 5


@pytest.mark.parametrize("spell", [str, float, lambda number: f"{number:06d}", lambda number: f" {number} "])
def test_whole_ids_of_images_and_categories_in_any_spelling(tmp_path: Path, spell: Any) -> None:
    content = document()
    for entry in content["images"] + content["categories"]:
        entry["id"] = spell(entry["id"])
    for entry in content["annotations"][:3]:  # VIA: text here, numbers there
        entry["image_id"], entry["category_id"] = spell(entry["image_id"]), spell(entry["category_id"])
    split, plain = read(tmp_path, content), read(tmp_path, document())
    assert split.image_ids.tolist() == plain.image_ids.tolist() and split.category_ids == plain.category_ids
    np.testing.assert_array_equal(split.labels, plain.labels)
    np.testing.assert_array_equal(split.offsets, plain.offsets)


def named(content: dict[str, Any]) -> dict[str, Any]:
    """The document with names for ids of images and categories."""
    images, categories = {42: "e4f2-a", 7: "e4f2-b", 1000: "e4f2-c"}, {3: "c-car", 18: "c-dog", 90: "c-brush"}
    for entry in content["images"]:
        entry["id"] = images[entry["id"]]
    for entry in content["categories"]:
        entry["id"] = categories[entry["id"]]
    for entry in content["annotations"]:
        entry["image_id"], entry["category_id"] = images[entry["image_id"]], categories[entry["category_id"]]
    return content


def test_ids_that_are_text_are_numbered_in_the_order_of_the_file(tmp_path: Path) -> None:
    split = read(tmp_path, named(document()))
    assert split.image_ids.tolist() == [1, 2, 3]
    assert dict(zip(split.class_names, split.category_ids, strict=True)) == {"toothbrush": 1, "car": 2, "dog": 3}
    plain = read(tmp_path, document())
    for one, other in zip(split, plain, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        assert [split.class_names[k] for k in one.labels] == [plain.class_names[k] for k in other.labels]
    assert any("ids of images are text in" in note and note.endswith("from 1") for note in split.notes)


def test_a_text_that_is_no_id_is_one_sentence(tmp_path: Path) -> None:
    content = named(document())
    content["annotations"][0]["image_id"] = "e4f2-z"
    with pytest.raises(ValueError, match=r"image of annotation 11 of an image of another id .* none has this id"):
        read(tmp_path, content)
    content = named(document())
    content["annotations"][0]["category_id"] = "c-cow"
    with pytest.raises(
        ValueError, match=r"category of annotation 11 of image 'e4f2-b' .*3 categories, but got a text that is no id"
    ):
        read(tmp_path, content)
    assert read(tmp_path, content, on_bad="skip").image_ids.tolist() == [1, 3]


@pytest.mark.parametrize(
    "bbox", [["10", "20", "30", "40"], [10.0, "20.0", 30, "4e1"], "[10, 20, 30, 40]", '["10", 20, 30, 40]']
)
def test_a_box_as_text_is_its_numbers(tmp_path: Path, bbox: Any) -> None:
    content = document()
    content["annotations"][0]["bbox"] = bbox
    split = read(tmp_path, content)
    np.testing.assert_array_equal(split.boxes, read(tmp_path, document()).boxes)
    assert split.notes == ()


@pytest.mark.parametrize("bbox", [None, [], "absent"])
@pytest.mark.parametrize(
    "polygon",
    [
        [[10, 20, 40, 20, 25.5, 60]],
        [[10, 20, 40, 20, 40, 30], [15, 30, 20, 60, 12, 40]],
        [10, 20, 40, 20, 25.5, 60],
        [["10", "20", "40", "20", "25.5", "60"]],
        [[10, 20], [40, 20], [25.5, 60]],
    ],
)
def test_an_object_without_a_box_has_that_of_its_polygon(tmp_path: Path, bbox: Any, polygon: Any) -> None:
    content = document()
    content["annotations"][0] |= {"bbox": bbox, "segmentation": polygon}
    if bbox == "absent":
        del content["annotations"][0]["bbox"]
    split = read(tmp_path, content)
    assert split[1].boxes[0].tolist() == [10, 20, 40, 60]
    (note,) = split.notes
    assert note.startswith("1 object of") and note.endswith("without bbox: boxes are those of the polygons")


@pytest.mark.parametrize("area", [None, "", float("nan"), "600", 600.0])
def test_an_area_is_optional_and_may_be_text(tmp_path: Path, area: Any) -> None:
    content = document()
    content["annotations"][0]["area"] = area
    assert read(tmp_path, content)[1].areas[0] == (600 if area in ("600", 600.0) else 1200)


def test_boxes_between_0_and_1_are_shares_of_the_image(tmp_path: Path) -> None:
    content = document()
    for entry in content["annotations"]:
        x, y, width, height = entry["bbox"]
        entry["bbox"] = [x / 100, y / 80, width / 100, height / 80]
    split = read(tmp_path, content)
    np.testing.assert_allclose(split.boxes, read(tmp_path, document()).boxes, atol=1e-4)
    (note,) = split.notes
    assert note.endswith("lie between 0 and 1: they are read as shares of the image's width and height")
    content["annotations"][0]["bbox"] = [0, 0, 1, 2]
    assert read(tmp_path, content)[1].boxes[0].tolist() == [0, 0, 1, 2]


def test_other_keys_do_not_matter_and_none_needs_info(tmp_path: Path) -> None:
    content = document()
    del content["info"]
    content |= {"licenses": None, "videos": [1], "type": "instances", "custom": {"images": 3}}
    for entry in content["images"]:
        entry |= {"path": "/srv/x.jpg", "coco_url": None, "flickr_url": 0, "tags": []}
    for entry in content["annotations"]:
        entry |= {"keypoints": None, "score": "0.5", "caption": 3}
    split = read(tmp_path, content)
    np.testing.assert_array_equal(split.boxes, read(tmp_path, document()).boxes)
    assert split.notes == ()
