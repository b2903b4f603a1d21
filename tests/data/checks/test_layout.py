"""`data/checks/layout.py`: `lssd data check` of a folder whose layout is recognized."""

from pathlib import Path
from typing import Any

from tests.small_exports import picture, text, voc_files, xml, yolo_files

from lightweight_ssd.curation.check import DataCheck, data_check
from lightweight_ssd.data.checks.dataset import check_source
from lightweight_ssd.data.checks.problems import Findings, Kind
from lightweight_ssd.data.folder import Folder
from lightweight_ssd.data.split import ImageSplit


def check(root: Path, **settings: Any) -> DataCheck:
    cache = str(root.parent / "cache")
    return data_check("folder", root=str(root), output=root.parent / "problems.csv", cache_dir=cache, **settings)


def findings(root: Path) -> Findings:
    """Of data whose class names cannot be read."""
    with Findings(root.parent / "problems.csv") as found:
        check_source(Folder(root, cache_dir=root.parent / "cache"), found)
    return found


def test_each_image_is_counted_where_training_has_it(tmp_path: Path):
    root = tmp_path / "mine"
    for number in range(30):
        picture(root / f"train/{number:02d}.png", "b", number)
        text(root / f"train/{number:02d}.xml", xml("b"))
    voc_files(root, "test", "test", seed=99)
    found = check(root)
    assert found.errors == 0 and found.images["test"] == 3
    assert found.images["train"] + found.images["val"] == 30 and found.images["val"] > 1
    assert "test: 3 images, 2 classes: dog 2, cat 1" in str(found)
    assert "val is 20 % of the images to train on" in str(found)


def test_every_wrong_line_is_listed_with_its_file(tmp_path: Path):
    root = tmp_path / "mine"
    for seed, split in enumerate(("train", "val")):
        yolo_files(root, f"images/{split}", f"labels/{split}", seed=seed)
    text(root / "data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n")
    text(root / "labels/train/a.txt", "0 0.5 0.5 0.1 0.1\n9 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1\n0 2 2 0.1 0.1\n")
    found = findings(root)
    for kind in (Kind.UNKNOWN_CLASS, Kind.MALFORMED, Kind.BOX_OUTSIDE):
        assert [(one.split, Path(one.file).name) for one in found.first[kind]] == [("train", "a.txt")]


def test_a_folder_that_is_not_recognized_is_a_finding(tmp_path: Path):
    picture(tmp_path / "mine/a.png", "a")
    found = findings(tmp_path / "mine")
    assert found.errors and "no two of them go together" in found.examples()


def test_a_pattern_of_groups_that_fits_no_name_is_one_error(tmp_path: Path):
    root = tmp_path / "mine"
    voc_files(root, "", "")
    found = check(root, split={"val": 0.5, "groups": "zzz"})
    assert found.counts == {Kind.REFUSED: 1} and "'zzz' fits none of 3" in str(found)


def test_a_split_without_objects_is_named_with_what_to_do(tmp_path: Path):
    root = tmp_path / "mine"
    voc_files(root, "train", "train")
    voc_files(root, "valid", "valid", seed=1)
    for name in "ab":
        text(root / f"valid/{name}.xml", xml("c", size=False))
    found = check(root)
    (problem,) = (one for one in found.problems() if one.severity == "error")
    assert (problem.kind, problem.split) == (Kind.NO_OBJECTS, "val, test")
    assert problem.detail.startswith("val, test: 3 images, but no object that counts (none at all, ")
    assert problem.detail.endswith("divide the training images with data.split={val: 0.2, test: 0}")


def test_a_share_without_objects_asks_for_a_larger_one(tmp_path: Path):
    root = tmp_path / "mine"
    for number in range(12):
        name = "c" if ImageSplit(0.2).has(f"{number:02d}", "val") else "b"
        picture(root / f"{number:02d}.png", name, number)
        text(root / f"{number:02d}.xml", xml(name))
    (problem,) = check(root).problems()
    assert problem.kind == Kind.NO_OBJECTS and problem.detail.startswith("val, test: ")
    assert problem.detail.endswith("give it more images, such as data.split={val: 0.4, test: 0}")


def test_where_no_split_can_be_read_the_layout_and_its_division_are_still_said(tmp_path: Path):
    root = tmp_path / "mine"
    voc_files(root, "", "")
    text(root / "a.xml", "<annotation>")
    shown = str(check(root, split={"val": 0.5}, class_names=["cat", "dog"]))
    assert "VOC's XML: .xml beside their images in ./" in shown and "val is 50 % of the images" in shown
