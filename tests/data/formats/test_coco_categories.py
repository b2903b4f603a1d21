"""Which categories are classes: dummies and backgrounds are none, repeated names are one."""

from pathlib import Path
from typing import Any

import pytest
from tests.coco_example import document, write

from lightweight_ssd.data.formats.coco_categories import Categories, read_categories, usable_categories
from lightweight_ssd.data.formats.coco_instances import read_instances


def with_categories(*more: dict[str, Any], **of_all: Any) -> dict[str, Any]:
    content = document()
    content["categories"] = [*more, *({**each, **of_all} for each in content["categories"])]
    return content


ALL = Categories(("car", "dog", "toothbrush"), (3, 18, 90))


def test_categories_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, document())
    assert read_categories(path) == ALL
    assert usable_categories(path) == (*ALL, (2, 2, 1), ())


@pytest.mark.parametrize("above", ["none", None, ""])
def test_a_super_category_of_id_0_without_objects_is_no_class(tmp_path: Path, above: Any) -> None:
    dummy = {"id": 0, "name": "things", "supercategory": above}
    path = write(tmp_path, with_categories(dummy, supercategory="things"))
    assert read_categories(path) == ALL
    found = usable_categories(path)
    assert found[:3] == (*ALL, (2, 2, 1))
    assert "category 0 'things' of" in found.notes[0] and "the super-category of all others" in found.notes[0]
    split = read_instances(path, tmp_path / "images")
    assert split.class_names == ALL.names and split.category_ids == ALL.ids and split.notes == found.notes


def test_a_dummy_may_have_the_name_of_the_only_class(tmp_path: Path) -> None:
    content = document()
    content["categories"] = [
        {"id": 0, "name": "cat", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "cat"}
    ]  # fmt: skip
    for entry in content["annotations"]:
        entry["category_id"] = 1
    assert read_categories(write(tmp_path, content)) == (("cat",), (1,))


@pytest.mark.parametrize(
    "categories",
    [
        [{"id": 0, "name": "things", "supercategory": "none"}],  # the others have super-categories of their own
        [{"id": 0, "name": "cat"}],
        [{"id": 5, "name": "fox"}],
    ],
)
def test_other_categories_without_objects_stay_classes_and_are_counted(
    tmp_path: Path, categories: list[dict[str, Any]]
) -> None:
    path = write(tmp_path, with_categories(*categories))
    name = categories[0]["name"]
    assert name in read_categories(path).names
    split = read_instances(path, tmp_path / "images")
    assert split.notes == (f"1 of 4 classes have no objects in {path}: {name}",)


def test_a_dummy_with_objects_is_a_class(tmp_path: Path) -> None:
    content = with_categories({"id": 0, "name": "things", "supercategory": "none"}, supercategory="things")
    content["annotations"][0]["category_id"] = 0
    path = write(tmp_path, content)
    assert read_categories(path).names == usable_categories(path).names == ("things", *ALL.names)
    assert read_instances(path, tmp_path / "images").notes == ()


@pytest.mark.parametrize("name", ["background", "Background", "__background__", "_background_"])
def test_a_background_without_objects_is_no_class(tmp_path: Path, name: str) -> None:
    content = with_categories({"id": 0, "name": name})
    path = write(tmp_path, content)
    assert read_categories(path) == ALL
    assert usable_categories(path).notes == (f"category 0 {name!r} of {path} is no class: it has no objects",)
    content["annotations"][0]["category_id"] = 0
    assert read_categories(write(tmp_path, content)).names[0] == name


def test_a_name_under_several_ids_is_one_class(tmp_path: Path) -> None:
    content = with_categories({"id": 7, "name": "dog"}, {"id": 18, "name": "dog"})
    content["annotations"][0]["category_id"] = 7
    path = write(tmp_path, content)
    assert read_categories(path) == (("car", "dog", "toothbrush"), (3, 7, 90))
    split = read_instances(path, tmp_path / "images")
    assert [one.labels.tolist() for one in split] == [[0, 1], [1, 0], [2]]
    assert split.notes == (f"categories 7, 18 of {path} are one class: all are named 'dog'",)


def test_names_that_are_numbers_are_text_and_no_super_category_is_needed(tmp_path: Path) -> None:
    content = document()
    content["categories"] = [{"id": number, "name": number} for number in (90, 3, 18)]
    assert read_categories(write(tmp_path, content)) == (("3", "18", "90"), (3, 18, 90))


def test_eighty_classes_without_objects_are_one_short_line(tmp_path: Path) -> None:
    content = with_categories(*({"id": number, "name": f"class {number}"} for number in range(100, 177)))
    (note,) = read_instances(write(tmp_path, content), tmp_path / "images").notes
    assert note.startswith("77 of 80 classes have no objects") and len(note) < 300 and note.endswith("…")


def test_labels_follow_the_names_that_are_given(tmp_path: Path) -> None:
    path = write(tmp_path, document())
    split = read_instances(path, tmp_path / "images", class_names=("dog", "toothbrush", "fox", "car"))
    assert split.class_names == ("dog", "toothbrush", "fox", "car") and split.category_ids == (1, 2, 3, 4)
    assert [one.labels.tolist() for one in split] == [[3, 0], [0, 3], [1]]
