"""`data/checks/layout.py`: `lssd data check` of a folder whose layout is recognized."""

from pathlib import Path
from typing import Any

from tests.small_exports import picture, text, voc_files, xml, yolo_files

from lightweight_ssd.curation.check import DataCheck, data_check
from lightweight_ssd.data.checks.dataset import check_source
from lightweight_ssd.data.checks.problems import Findings, Kind
from lightweight_ssd.data.folder import Folder


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
