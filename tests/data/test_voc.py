from pathlib import Path

import numpy as np
import pytest
import yaml

from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.data.formats.voc_devkit import write_split
from lightweight_ssd.data.voc import VOC
from lightweight_ssd.types import Annotation


def make(root: Path, year: str, **splits: list[str]) -> None:
    for split, ids in splits.items():
        box = np.array([[1, 2, 30, 40]], dtype=np.float32)
        rows = [Annotation.of_boxes(1, f"{name}.jpg", 50, 60, box, np.array([0]), np.array([False])) for name in ids]
        write_split(root, year, split, rows, ["cat"])
        for name in ids:
            (root / f"VOC{year}" / "JPEGImages" / f"{name}.jpg").touch()


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    make(tmp_path, "2007", train=["a", "b"], val=["c"], trainval=["a", "b", "c"], test=["d", "e"])
    make(tmp_path, "2012", train=["a", "x"], val=["y"])
    return tmp_path


def source(devkit: Path, train: dict, **options: object) -> VOC:
    test = {"2007": "test"}
    return VOC(devkit, ["cat"], train, test, test, cache_dir=devkit / "cache", **options)


def stems(voc: VOC, split: str = "train") -> list[str]:
    paths = [Path(one.path) for one in voc.annotations(split)]
    return [f"{path.parts[-3].removeprefix('VOC')}/{path.stem}" for path in paths]


def test_a_union_of_years_and_splits_in_the_order_given(devkit: Path) -> None:
    voc = source(devkit, {"2012": ["train", "val"], "2007": "val"})
    assert stems(voc) == ["2012/a", "2012/x", "2012/y", "2007/c"]
    assert voc.annotations("train").image_ids.tolist() == [1, 2, 3, 4]
    assert stems(voc, "val") == stems(voc, "test") == ["2007/d", "2007/e"]
    assert voc.class_names == ("cat",)


def test_years_may_be_numbers_and_may_be_dropped(devkit: Path) -> None:
    assert stems(source(devkit, {2007: "val", 2012: None})) == ["2007/c"]


def test_one_id_in_two_years_is_two_images(devkit: Path) -> None:
    assert stems(source(devkit, {"2007": "train", "2012": "train"})) == ["2007/a", "2007/b", "2012/a", "2012/x"]


def test_an_image_in_two_splits_is_named(devkit: Path) -> None:
    with pytest.raises(ValueError, match=r"once in data\.train = .*, but 'a' is in two of its splits"):
        source(devkit, {"2007": ["trainval", "train"]}).annotations("train")


def test_with_skip_an_image_in_two_splits_counts_once_and_is_told(devkit: Path) -> None:
    split = source(devkit, {"2007": ["trainval", "train"]}, on_bad="skip").annotations("train")
    assert [Path(one.path).stem for one in split] == ["a", "b", "c"]
    assert len(split.skipped) == 2 and all("two of its splits" in sentence for sentence in split.skipped)


@pytest.mark.parametrize(("name", "value"), [("on_bad", "ignore"), ("cache", "gpu"), ("cache_side", 0)])
def test_an_unknown_option_is_named(devkit: Path, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"Expected data\.{name} .*but got"):
        source(devkit, {"2007": "train"}, **{name: value})


def test_a_year_given_as_number_and_text_is_told(devkit: Path) -> None:
    with pytest.raises(ValueError, match=r"each year once in data\.train.*data\.train\.2007=SPLIT"):
        source(devkit, {"2007": "train", 2007: "val"})


def test_an_empty_union_is_told(devkit: Path) -> None:
    for union in ({}, {"2007": None}, {"2007": []}):
        with pytest.raises(ValueError, match=r"split for data\.train, but got none"):
            source(devkit, union).annotations("train")


@pytest.mark.parametrize("names", [[], ["cat", "cat"]])
def test_class_names_are_checked(names: list[str]) -> None:
    with pytest.raises(ValueError, match="class_names to be different names"):
        VOC("anywhere", names, {}, {}, {})


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    voc = source(tmp_path / "gone", {"2007": "train"})
    with pytest.raises(FileNotFoundError, match="put the devkit there"):
        voc.annotations("train")


def test_the_cache_lies_in_the_users_folder_by_default(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(devkit / "home"))
    VOC(devkit, ["cat"], {"2007": "train"}, {}, {}).annotations("train")
    assert len(list((devkit / "home" / "lightweight-ssd").glob("voc-*.arrays"))) == 1


def test_the_config_is_the_papers_union() -> None:
    values = yaml.safe_load((CONF_DIR / "data" / "voc.yaml").read_text(encoding="utf-8"))
    assert values.pop("_target_") == "lightweight_ssd.data.voc.VOC"
    voc = VOC(**values)
    assert len(voc.class_names) == 20
    assert voc.splits["train"] == {"2007": ["trainval"], "2012": ["trainval"]}
    assert voc.splits["val"] == voc.splits["test"] == {"2007": ["test"]}


def test_a_root_named_by_a_number_is_a_folder(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra makes a number of `data.root=2007`."""
    monkeypatch.chdir(devkit.parent)
    devkit.rename("2007")
    assert len(VOC(2007, ["cat"], {"2007": "train"}, {}, {}, cache_dir="cache").annotations("train")) == 2


@pytest.mark.parametrize("below", ["", "VOCdevkit"])
def test_a_root_that_is_a_file_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "VOC.tar").touch()
    said = r"Expected data\.root to be a folder, but .*VOC\.tar is a file: give the devkit"
    with pytest.raises(ValueError, match=said):
        source(tmp_path / "VOC.tar" / below, {"2007": "train"})


def test_no_root_is_told() -> None:
    with pytest.raises(ValueError, match=r"Expected data\.root to be a folder, but it is null: give the devkit"):
        VOC(None, ["cat"], {}, {}, {})
