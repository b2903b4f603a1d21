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


def test_other_categories_in_another_split_are_told(tmp_path: Path) -> None:
    write(tmp_path, document())
    for change, words in (
        ({"name": "lorry"}, "category 3 is 'lorry' here and 'car'"),
        ({"id": 4}, "3 is 'missing' here"),
    ):
        other = document()
        other["annotations"] = []
        other["categories"][1].update(change)
        write(tmp_path, other, "val.json")
        with pytest.raises(ValueError, match=rf"same categories in .*val\.json as in .*train\.json, but .*{words}"):
            source(tmp_path, "val.json").annotations("val")


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
