from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.coco_example import document, write

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.data.coco import COCO

PART = {"annotations": "train.json", "images": "images"}


def source(root: Path, val_file: str = "train.json", **options: Any) -> COCO:
    other = {"annotations": val_file, "images": "images"}
    return COCO(root, **{"train": PART, "val": other, "test": other, "cache_dir": root / "cache", **options})


def test_names_ids_and_splits_come_from_the_files(tmp_path: Path) -> None:
    write(tmp_path, document())
    few = document()
    few["images"], few["annotations"] = few["images"][:1], []
    write(tmp_path, few, "val.json")
    coco = source(tmp_path, "val.json")
    assert coco.class_names == ("car", "dog", "toothbrush")
    assert coco.category_ids == (3, 18, 90)
    assert [len(coco.annotations(split)) for split in ("train", "val", "test")] == [3, 1, 1]
    assert len(list((tmp_path / "cache").glob("coco-*.arrays"))) == 2


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    coco = source(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"gone/train\.json"):
        coco.annotations("train")
    with pytest.raises(FileNotFoundError, match=r"gone/train\.json"):
        _ = coco.class_names


def test_categories_of_another_split_are_matched_by_name(tmp_path: Path) -> None:
    write(tmp_path, document())
    other = document()
    for category, number in zip(other["categories"], (1, 2, 5), strict=True):  # toothbrush, car, dog
        category["id"] = number
    other["annotations"] = [{**each, "category_id": 5, "iscrowd": 0} for each in other["annotations"]]
    write(tmp_path, other, "val.json")
    coco = source(tmp_path, "val.json")
    val = coco.annotations("val")
    assert (val.class_names, val.category_ids) == (coco.class_names, coco.category_ids)
    assert set(val.labels.tolist()) == {1}
    assert any("matched by name: 'toothbrush' is 1 there, and 90 in training" in note for note in val.notes)
    assert any("2 of 3 classes have no objects in" in note and "car, toothbrush" in note for note in val.notes)


def test_a_class_unknown_to_training_is_an_error_where_it_has_objects(tmp_path: Path) -> None:
    write(tmp_path, document())
    other = document()
    other["categories"].append({"id": 4, "name": "cars"})
    write(tmp_path, other, "val.json")
    val = source(tmp_path, "val.json").annotations("val")
    assert val.class_names == ("car", "dog", "toothbrush")
    assert any("are no classes, and have no objects there: cars" in note for note in val.notes)
    other["annotations"][0]["category_id"] = 4
    write(tmp_path, other, "val.json")
    said = r"category of annotation 11 of image 7 in .*val\.json among the 3 classes .* 'cars': did you mean 'car'\?"
    with pytest.raises(ValueError, match=said):
        source(tmp_path, "val.json").annotations("val")
    assert source(tmp_path, "val.json", on_bad="skip").annotations("val").image_ids.tolist() == [42, 1000]


def test_one_file_is_divided_by_shares(tmp_path: Path) -> None:
    content = document()
    content["images"] = [{**content["images"][0], "id": one, "file_name": f"{one}.jpg"} for one in range(200)]
    content["annotations"] = []
    write(tmp_path, content)
    for one in range(200):
        (tmp_path / "images" / f"{one}.jpg").touch()
    coco = COCO(tmp_path, PART, None, None, split={"val": 0.2, "test": 0.1}, cache_dir=tmp_path / "cache")
    ids = {split: set(coco.annotations(split).image_ids.tolist()) for split in ("train", "val", "test")}
    assert sorted(set.union(*ids.values())) == list(range(200)) and sum(map(len, ids.values())) == 200
    assert 25 < len(ids["val"]) < 55 and 8 < len(ids["test"]) < 32
    short = COCO(tmp_path, {}, {}, {}, annotations="train.json", images="images", cache_dir=tmp_path / "cache")
    val, test = short.annotations("val"), short.annotations("test")
    assert set(val.image_ids.tolist()) == ids["val"] == set(test.image_ids.tolist())
    assert val.notes[0] == "no split is given: data.split={val: 0.2, test: 0}"
    shared = COCO(tmp_path, PART, None, None, val_share=0.2, cache_dir=tmp_path / "cache")
    assert set(shared.annotations("val").image_ids.tolist()) == ids["val"]
    assert set(shared.annotations("test").image_ids.tolist()) == ids["val"]


def test_no_test_file_is_that_of_val_and_said(tmp_path: Path) -> None:
    write(tmp_path, document())
    few = document()
    few["images"], few["annotations"] = few["images"][:1], []
    write(tmp_path, few, "val.json")
    coco = source(tmp_path, "val.json", test=None)
    assert [len(coco.annotations(split)) for split in ("train", "val", "test")] == [3, 1, 1]
    assert coco.annotations("train").notes[0] == "data.test is null: the images to report on are those of val"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"val": None}, r"data\.val to name .*null: .*data\.split=\{val: 0\.2, test: 0\}"),
        ({"train": None}, r"data\.train to name a file"),
        ({"split": {"val": 0.2}, "val_share": 0.1}, r"data\.val_share or data\.split, but got both"),
        ({"split": {"val": 2}}, r"data\.split with val above 0"),
        ({"annotations": "train.json"}, r"data\.annotations and data\.images together"),
        ({"images": "images"}, r"data\.annotations and data\.images together"),
    ],
)
def test_splits_that_say_too_little_or_too_much_are_one_sentence(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=f"^Expected {words}"):
        source(tmp_path, **options)


def test_skip_reaches_the_reader(tmp_path: Path) -> None:
    content = document()
    content["annotations"][0]["bbox"] = [1, 2, -3, 4]
    write(tmp_path, content)
    assert len(source(tmp_path, on_bad="skip").annotations("train").skipped) == 1
    with pytest.raises(ValueError, match="annotation 11 of image 7"):
        source(tmp_path).annotations("train")


@pytest.mark.parametrize("part", [{}, {"annotations": "a.json"}, {**PART, "masks": "m"}, {**PART, "images": ""}])
def test_a_split_needs_a_file_and_a_folder(tmp_path: Path, part: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"data\.val to name a file and a folder.*data\.val\.images=FOLDER"):
        source(tmp_path, val=part)


@pytest.mark.parametrize(("name", "value"), [("on_bad", "ignore"), ("cache", "gpu"), ("cache_side", 0)])
def test_an_unknown_option_is_named(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"Expected data\.{name} .*but got"):
        source(tmp_path, **{name: value})


def test_the_config_is_coco_2017() -> None:
    values = yaml.safe_load((CONF_DIR / "data" / "coco.yaml").read_text(encoding="utf-8"))
    assert values.pop("_target_") == "lightweight_ssd.data.coco.COCO"
    coco = COCO(**values)
    assert str(coco.splits["train"].annotations).endswith("annotations/instances_train2017.json")
    assert coco.splits["val"] == coco.splits["test"]
    assert (coco.on_bad, coco.cache, coco.cache_side) == ("error", "none", None)


def test_a_root_named_by_a_number_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra makes a number of `data.root=2017`."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "2017", document())
    assert len(COCO(2017, PART, PART, PART, cache_dir="cache").annotations("train")) == 3


@pytest.mark.parametrize("below", ["", "coco"])
def test_a_root_that_is_a_file_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "coco.zip").touch()
    with pytest.raises(
        ValueError, match=r"Expected data\.root to be a folder, but .*coco\.zip is a file: give the one"
    ):
        COCO(tmp_path / "coco.zip" / below, PART, PART, PART)


def test_no_root_is_told() -> None:
    with pytest.raises(ValueError, match=r"Expected data\.root to be a folder, but it is null: give the one"):
        COCO(None, PART, PART, PART)
