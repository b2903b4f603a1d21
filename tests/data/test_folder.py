"""`data/folder.py`: a folder as a tool wrote it, read as a data source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_exports import BOXES, SIZES, coco, coco_files, expected, picture, text, voc_files, xml, yolo_files

from lightweight_ssd.data.folder import Folder
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.types import SPLITS


def folder(root: Path, **options: Any) -> Folder:
    return Folder(root, cache_dir=root.parent / "cache", **{"origin": 1, **options})


def _label_studio_yolo(root: Path) -> None:
    yolo_files(root)
    text(root / "classes.txt", "cat\ndog\n")


def _yaml(root: Path) -> None:
    yolo_files(root, "train/images", "train/labels")
    text(root / "data.yaml", "train: ../train/images\nnc: 2\nnames: [cat, dog]\n")


ONE_PART: dict[str, Callable[[Path], None]] = {
    "xml beside": lambda root: voc_files(root, "", ""),
    "xml apart": lambda root: voc_files(root, "data", "labels", empty=False),
    "xml without size": lambda root: voc_files(root, "images", "Annotations", size=False),
    "json": lambda root: coco_files(root, "images", "labels.json"),
    "txt": _label_studio_yolo,
    "yaml": _yaml,
}


@pytest.mark.parametrize("name", ONE_PART)
def test_boxes_classes_and_sizes_are_those_of_the_pictures(tmp_path: Path, name: str):
    ONE_PART[name](tmp_path / "mine")
    source = folder(tmp_path / "mine", split={"val": 0.5, "test": 0})
    assert source.class_names == ("cat", "dog") and len(source.category_ids) == 2
    check(source)


def check(source: Folder) -> None:
    """All pictures are there once, with what is in them."""
    parts = [source.annotations(split) for split in ("train", "val")]
    assert sorted(Path(path).stem for part in parts for path in part.paths()) == ["a", "b", "c"]
    for one in (one for part in parts for one in part):
        name = Path(one.path).stem
        assert np.abs(one.boxes - np.reshape(expected(name), (-1, 4))).max(initial=0) < 0.01
        assert [source.class_names[label] for label in one.labels] == [label for label, *_ in BOXES[name]]
        assert (one.width, one.height) == SIZES[name]


def paths(annotations: PackedAnnotations, root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in annotations.paths()]


def test_splits_of_the_folder_are_taken_even_if_names_repeat(tmp_path: Path):
    for seed, split in enumerate(("train", "valid", "test")):
        voc_files(tmp_path, split, split, seed=seed)
    source = folder(tmp_path)
    for split, name in zip(SPLITS, ("train", "valid", "test"), strict=True):
        assert paths(source.annotations(split), tmp_path) == [f"{name}/{each}.png" for each in "abc"]
    text(tmp_path / "valid/a.xml", xml("a").replace("cat", "dog"))
    assert folder(tmp_path).annotations("val").labels.tolist() == [1, 1, 1]
    assert folder(tmp_path).annotations("train").labels.tolist() == [0, 1, 1]


def test_without_test_images_those_of_val_are_tested_and_it_is_said(tmp_path: Path):
    for seed, split in enumerate(("train", "val")):
        yolo_files(tmp_path, f"images/{split}", f"labels/{split}", seed=seed)
    text(tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n")
    source = folder(tmp_path)
    assert source.annotations("test").paths() == source.annotations("val").paths()
    assert source.annotations("train").notes[:2] == (
        "YOLO's labels by Ultralytics' data.yaml: train = images/train, val = images/val", "test is val",
    )  # fmt: skip


def many(root: Path, count: int = 60) -> None:
    """Pictures beside XML."""
    for number in range(count):
        picture(root / f"video{number // 10}_{number:03d}.png", "b", number)
        text(root / f"video{number // 10}_{number:03d}.xml", xml("b"))


def test_without_splits_a_fifth_is_for_val_and_stays_when_images_are_added(tmp_path: Path):
    many(tmp_path / "mine", 40)
    before = {split: set(folder(tmp_path / "mine").annotations(split).paths()) for split in SPLITS}
    assert before["test"] == before["val"] and not before["val"] & before["train"]
    assert len(before["val"] | before["train"]) == 40 and 2 <= len(before["val"]) <= 16
    many(tmp_path / "mine", 60)
    after = {split: set(folder(tmp_path / "mine").annotations(split).paths()) for split in SPLITS}
    assert all(before[split] <= after[split] for split in SPLITS)
    grouped = folder(tmp_path / "mine", split={"val": 0.4, "groups": "^(video.)"})
    videos = [{Path(path).name[:6] for path in grouped.annotations(split).paths()} for split in ("train", "val")]
    assert all(videos) and not videos[0] & videos[1]


def test_with_train_and_test_alone_val_is_a_share_of_train(tmp_path: Path):
    many(tmp_path / "train")
    voc_files(tmp_path, "test", "test")
    source = folder(tmp_path)
    assert len(source.annotations("test")) == 3
    assert len(source.annotations("train")) + len(source.annotations("val")) == 60
    assert any("val is 20 % of the images to train on" in note for note in source.annotations("val").notes)
    voc_files(tmp_path / "only", "test", "test")
    with pytest.raises(FileNotFoundError, match=r"Expected images for train .* but it has test alone"):
        folder(tmp_path / "only").annotations("train")


def test_classes_without_objects_are_left_out_and_noted(tmp_path: Path):
    for name in SIZES:
        picture(tmp_path / f"train/{name}.png", name)
    categories = [(0, "animals"), (1, "cat"), (2, "dog"), (5, "fox")]
    content = coco(categories=categories).replace('"supercategory": "none"', '"supercategory": "animals"')
    text(tmp_path / "train/_annotations.coco.json", content.replace("animals", "none", 0))
    source = folder(tmp_path)
    assert source.class_names == ("cat", "dog") and source.category_ids == (1, 2)
    notes = " ".join(source.annotations("train").notes)
    assert "fox" in notes and "animals" in notes
    assert source.annotations("train").class_names == ("cat", "dog")


def test_names_of_labelmap_without_objects_and_background_are_no_classes(tmp_path: Path):
    voc_files(tmp_path, "JPEGImages", "Annotations")
    text(tmp_path / "ImageSets/Main/train.txt", "a\nb\nc\n")
    text(tmp_path / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:::\ndog:::\nfox:::\n")
    source = folder(tmp_path)
    assert source.class_names == ("dog", "cat")
    assert "left out, for want of objects: fox" in source.annotations("train").notes
    assert folder(tmp_path, class_names=["fox", "cat", "dog"]).class_names == ("fox", "cat", "dog")


def test_class_names_of_yolo_that_are_nowhere_are_asked_for(tmp_path: Path):
    yolo_files(tmp_path)
    with pytest.raises(ValueError, match=r"classes\.txt, one a line, .*data\.class_names=\[cat,dog\]"):
        _ = folder(tmp_path).class_names
    source = folder(tmp_path, class_names=["Katze", "Hund", "Fuchs"])
    assert source.class_names == ("Katze", "Hund", "Fuchs") and source.category_ids == (0, 1, 2)


def test_classes_choose_among_those_that_are_found(tmp_path: Path):
    voc_files(tmp_path, "", "")
    source = folder(tmp_path, classes=["dog"], split={"val": 0.5})
    assert source.class_names == ("dog",) and source.category_ids == (2,)
    assert source.annotations("train").class_names == ("dog",)
    with pytest.raises(ValueError, match=r"data\.classes among the data set's 2 classes"):
        _ = folder(tmp_path, classes=["fox"]).class_names


def test_a_folder_without_objects_is_refused(tmp_path: Path):
    voc_files(tmp_path, "", "")
    for name in "ab":
        text(tmp_path / f"{name}.xml", xml("c"))
    with pytest.raises(ValueError, match="Expected objects in the annotations of"):
        _ = folder(tmp_path).class_names


def test_what_the_user_names_is_taken_as_named(tmp_path: Path):
    coco_files(tmp_path, "photos", "one.json")
    text(tmp_path / "two.json", coco(images=("a",)))
    assert len(folder(tmp_path, annotations="one.json").annotations("val")) == 1
    check(folder(tmp_path, annotations="one.json", images="photos", split={"val": 0.5}))
    with pytest.raises(ValueError, match="Expected annotations of the format voc"):
        _ = folder(tmp_path, annotations="one.json", layout="voc").layout


def test_a_wrong_setting_is_refused_at_once(tmp_path: Path):
    with pytest.raises(ValueError, match=r"data\.class_names to be different names"):
        folder(tmp_path, class_names=["cat", "cat"])
    with pytest.raises(ValueError, match=r"Expected data\.split"):
        folder(tmp_path, split={"val": 2})
    with pytest.raises(ValueError, match=r"Expected data\.on_bad"):
        folder(tmp_path, on_bad="pass")


def test_the_second_reading_is_from_the_cache(tmp_path: Path):
    voc_files(tmp_path / "mine", "", "")
    first = folder(tmp_path / "mine").annotations("train")
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    again = folder(tmp_path / "mine").annotations("train")
    assert first.notes == again.notes and first.boxes.tolist() == again.boxes.tolist()
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()} == files
