"""Annotation files whose image is not there, in each layout and with `data=voc`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.small_exports import text, voc_files, xml, yolo_files

from lightweight_ssd.curation.check import DataCheck, data_check
from lightweight_ssd.curation.source import data_source
from lightweight_ssd.data.checks.problems import Kind

YAML = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
NOTE = "1 annotation file without an image is left out: a."


def _yaml(root: Path) -> None:
    for seed, split in enumerate(("train", "val")):
        yolo_files(root, f"images/{split}", f"labels/{split}", seed=seed)
    text(root / "data.yaml", YAML)


def _labels(root: Path) -> None:
    yolo_files(root)
    text(root / "classes.txt", "cat\ndog\n")
    text(root / "labels/classes.txt", "cat\ndog\n")
    text(root / "labels/notes.txt", "drawn in spring 2026 by two people\n")
    text(root / "train.txt", "images/a.png\n")


def _splits(root: Path) -> None:
    for seed, split in enumerate(("train", "valid")):
        voc_files(root, split, split, seed=seed)


MADE: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "xml beside": (lambda root: voc_files(root, "", ""), "a.png", "train, val, test"),
    "xml apart": (lambda root: voc_files(root, "images", "xml"), "images/a.png", "train, val, test"),
    "xml by split": (_splits, "valid/a.png", "val, test"),
    "labels": (_labels, "images/a.png", "train, val, test"),
    "yaml": (_yaml, "images/train/a.png", "train"),
}


def check(root: Path, data: str = "folder", **settings: Any) -> DataCheck:
    cache = str(root.parent / "cache")
    return data_check(data, root=str(root), output=root.parent / "problems.csv", cache_dir=cache, **settings)


def missing(found: DataCheck) -> list[tuple[str, str]]:
    return [(Path(one.file).name, one.split) for one in found.problems() if one.kind is Kind.MISSING_IMAGE]


@pytest.mark.parametrize("name", MADE)
def test_an_annotation_without_its_image_is_an_error_and_training_notes_it(tmp_path: Path, name: str) -> None:
    root, (make, image, splits) = tmp_path / "mine", MADE[name]
    make(root)
    text(root / "README.xml", "<dataset/>")
    settings: dict[str, Any] = {} if name in ("xml by split", "yaml") else {"split": {"val": 0.5}}
    assert not missing(check(root, **settings))
    (root / image).rename(root / f"{image}.heic")
    found = check(root, **settings)
    ((file, split),) = missing(found)
    assert Path(file).stem == "a" and split == splits and "no image has its name" in str(found)
    notes = (
        data_source("folder", root=str(root), cache_dir=str(tmp_path / "cache"), **settings).annotations("val").notes
    )
    assert [note[: len(NOTE)] for note in notes if "without an image" in note] == [NOTE]


def test_a_split_of_which_no_image_is_left_is_named(tmp_path: Path) -> None:
    _splits(tmp_path / "mine")
    for name in "abc":
        (tmp_path / f"mine/valid/{name}.png").unlink()
        (tmp_path / f"mine/valid/{name}.xml").rename(tmp_path / f"mine/valid/{name}2.xml")
    assert missing(check(tmp_path / "mine")) == [(f"{name}2.xml", "val") for name in "abc"]


def test_a_label_without_objects_counts_in_a_folder_of_labels_alone(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    _labels(root)
    text(root / "labels/gone.txt", "")
    assert missing(check(root, split={"val": 0.5})) == [("gone.txt", "train, val, test")]
    yolo_files(tmp_path / "other", "", "")
    text(tmp_path / "other/empty.txt", "")
    text(tmp_path / "other/obj.names", "cat\ndog\n")
    assert not missing(check(tmp_path / "other", split={"val": 0.5}))


def test_folders_that_the_user_names_are_looked_at_too(tmp_path: Path) -> None:
    for folder, write in (("xml", voc_files), ("txt", yolo_files)):
        write(tmp_path / folder, "images", "notes")
        (tmp_path / folder / "images/a.png").unlink()
        settings = {"images": "images", "annotations": "notes", "class_names": ["cat", "dog"], "split": {"val": 0.5}}
        assert [Path(file).stem for file, _ in missing(check(tmp_path / folder, **settings))] == ["a"]


def test_data_voc_with_folders_says_it_and_with_lists_leaves_it(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    voc_files(root, "images", "xml")
    (root / "images/b.png").unlink()
    text(root / "xml/info.xml", "<dataset/>")
    settings: dict[str, Any] = {"images": "images", "annotations": "xml", "split": {"val": 0.4}}
    assert missing(check(root, "voc", **settings)) == [("b.xml", "train, val, test")]
    notes = data_source("voc", root=str(root), cache_dir=None, **settings).annotations("train").notes
    assert "1 annotation file without an image is left out: b.xml" in notes
    text(root / "train.txt", "a\nc\n")
    assert not missing(check(root, "voc", **settings, train="train.txt"))


def test_one_folder_of_xml_for_two_of_images_has_none_too_many(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    voc_files(root, "train", "xml")
    for name in "bc":
        (root / f"valid/{name}.png").parent.mkdir(exist_ok=True)
        (root / f"train/{name}.png").rename(root / f"valid/{name}.png")
    text(root / "xml/gone.xml", xml("a"))
    folders = {"train": "train", "val": "valid", "test": "valid"}
    assert missing(check(root, "voc", images=folders, annotations="xml")) == [("gone.xml", "train")]
