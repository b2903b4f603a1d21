"""Folders in VOC's format as labeling tools and libraries export them, read with `data=voc`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lightweight_ssd.curation.check import data_check
from lightweight_ssd.curation.source import data_source
from lightweight_ssd.data.formats.convert import convert
from lightweight_ssd.data.formats.voc_scan import VOC_CLASS_NAMES
from lightweight_ssd.data.voc import VOC

SIZES = {"a": (100, 80), "b": (64, 48), "c": (90, 70)}  # width, height; c has no objects
EDGES = {"a": [("cat", 10, 12, 40, 33), ("dog", 0, 0, 20, 15)], "b": [("dog", 5, 6, 55, 48)], "c": []}
BOXES = [[list(map(float, box)) for _, *box in EDGES[name]] for name in SIZES]
PAPER: dict[str, Any] = {
    "train": {"2007": ["trainval"], "2012": ["trainval"]},
    "val": {"2007": "test"},
    "test": {"2007": "test"},
}


def image(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[name]
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def xml(path: Path, name: str, origin: int = 1, size: bool = True, more: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[name]
    head = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>" if size else ""
    objects = "".join(
        f"<object><name>{label}</name>{more}<bndbox><xmin>{x0 + origin}</xmin><ymin>{y0 + origin}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1 in EDGES[name]
    )
    path.write_text(f"<annotation><filename>{name}.png</filename>{head}{objects}</annotation>")


def export(root: Path, images: str, annotations: str, names: Sequence[str] = "abc", **options: Any) -> None:
    for name in names:
        image(root / images / f"{name}.png", name)
        xml(root / annotations / f"{name}.xml", name, **options)


def lists(root: Path, folder: str = "ImageSets/Main", **splits: str) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for split, names in splits.items():
        (root / folder / f"{split}.txt").write_text("\n".join(names))


def source(root: Path, **options: Any) -> VOC:
    return VOC(root, options.pop("class_names", None), **{**PAPER, **options}, cache_dir=root / "cache")


def boxes(voc: VOC, split: str = "train") -> list[list[list[float]]]:
    return [one.boxes.tolist() for one in voc.annotations(split)]  # pyright: ignore[reportArgumentType]


def names(voc: VOC, split: str) -> list[str]:
    return [Path(path).stem for path in voc.annotations(split).paths()]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("images", "annotations"),
    [
        ("images", "annotations"), ("data", "labels"), ("images", "Annotations"), ("JPEGImages", "Annotations"),
        (".", "."), ("deep/er/images", "deep/xml"),
    ],
)  # fmt: skip
def test_folders_of_any_name_without_lists(tmp_path: Path, images: str, annotations: str) -> None:
    export(tmp_path, images, annotations)
    voc = source(tmp_path, images=images, annotations=annotations)
    assert voc.class_names == ("cat", "dog") and voc.category_ids == (1, 2)
    assert boxes(voc) == BOXES
    assert voc.annotations("train").image_ids.tolist() == [1, 2, 3]


def test_xml_files_beside_their_images_need_no_second_folder(tmp_path: Path) -> None:
    export(tmp_path, "all", "all")
    assert boxes(source(tmp_path, images="all")) == BOXES


def test_root_may_be_the_year_with_its_own_lists_and_labelmap(tmp_path: Path) -> None:
    export(tmp_path, "JPEGImages", "Annotations")
    lists(tmp_path, train="abc")
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:::\ndog:::\nbird:::\ncat:::\n")
    voc = source(tmp_path)
    assert voc.class_names == ("dog", "cat")
    assert boxes(voc) == BOXES
    assert "left out: bird" in voc.annotations("train").notes[0]
    with pytest.raises(FileNotFoundError, match=r"list of images for val .*but got train: .*data\.split=\{val: 0\.2"):
        voc.annotations("val")


def test_root_may_be_the_year_without_lists(tmp_path: Path) -> None:
    export(tmp_path, "JPEGImages", "Annotations")
    assert boxes(source(tmp_path)) == BOXES


def test_the_lists_of_a_year_that_is_the_root(tmp_path: Path) -> None:
    export(tmp_path, "JPEGImages", "Annotations")
    lists(tmp_path, train="a", val="b", test="c", trainval="ab")
    voc = source(tmp_path)
    assert [names(voc, split) for split in ("train", "val", "test")] == [["a"], ["b"], ["c"]]
    assert names(source(tmp_path, train={"2007": "trainval", "2012": None}), "train") == ["a", "b"]


def test_a_single_list_of_any_name_is_that_of_training(tmp_path: Path) -> None:
    export(tmp_path, "JPEGImages", "Annotations")
    lists(tmp_path, default="abc")
    assert names(source(tmp_path), "train") == ["a", "b", "c"]


def test_sub_folders_and_suffixes_in_the_lists(tmp_path: Path) -> None:
    for name, place in (("a", "x"), ("b", "y")):
        image(tmp_path / f"JPEGImages/{place}/{name}.png", name)
        xml(tmp_path / f"Annotations/{place}/{name}.xml", name)
    lists(tmp_path)
    (tmp_path / "ImageSets/Main/train.txt").write_text("x/a\n./y/b.png\n")
    assert boxes(source(tmp_path)) == BOXES[:2]


def test_a_list_file_for_folders_of_any_name(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml")
    lists(tmp_path, "splits", train="ca", val="b")
    voc = source(tmp_path, images="images", annotations="xml", train="splits/train.txt", val="splits/val.txt")
    assert names(voc, "train") == ["c", "a"] and names(voc, "val") == ["b"]
    with pytest.raises(FileNotFoundError, match=r"data\.train=gone\.txt at .*gone\.txt"):
        source(tmp_path, images="images", annotations="xml", train="gone.txt").annotations("train")
    with pytest.raises(ValueError, match=r"data\.images with the list data\.train=splits/train\.txt"):
        source(tmp_path, train="splits/train.txt").annotations("train")


def test_a_folder_per_split(tmp_path: Path) -> None:
    for name, place in zip("abc", ("train", "valid", "test"), strict=True):
        export(tmp_path, place, place, [name])
    folders = {"train": "train", "val": "valid", "test": "test"}
    voc = source(tmp_path, images=folders)
    assert [boxes(voc, split) for split in ("train", "val", "test")] == [[one] for one in BOXES]
    with pytest.raises(ValueError, match=r"data\.images as a folder, or a folder for test"):
        source(tmp_path, images={"train": "train"}).annotations("test")


def test_one_folder_is_divided_on_request_only(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml")
    with pytest.raises(
        ValueError, match=r"images for val, but data\.images=images is one folder for all: .*data\.split"
    ):
        source(tmp_path, images="images", annotations="xml").annotations("val")
    voc = source(tmp_path, images="images", annotations="xml", split={"val": 0.4, "test": 0})
    train, val = names(voc, "train"), names(voc, "val")
    assert sorted(train + val) == ["a", "b", "c"] and train and val
    assert names(voc, "test") == val


def test_a_devkit_is_divided_too_and_its_other_lists_are_not_read(tmp_path: Path) -> None:
    export(tmp_path, "VOC2007/JPEGImages", "VOC2007/Annotations")
    lists(tmp_path / "VOC2007", train="abc")
    voc = source(tmp_path, train={"2007": "train"}, split={"val": 0.4})
    assert sorted(names(voc, "train") + names(voc, "val")) == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"data\.val_share or data\.split, but got both"):
        source(tmp_path, split={"val": 0.4}, val_share=0.5)


def test_no_xml_for_an_image_without_objects(tmp_path: Path) -> None:
    export(tmp_path, "VOC2007/JPEGImages", "VOC2007/Annotations")
    (tmp_path / "VOC2007/Annotations/c.xml").unlink()
    lists(tmp_path / "VOC2007", train="abc")
    annotations = source(tmp_path, train={"2007": "train"}).annotations("train")
    assert [(one.height, one.width, len(one.boxes)) for one in annotations] == [(80, 100, 2), (48, 64, 1), (70, 90, 0)]
    assert "1 of 3 images have no XML file, so no objects" in annotations.notes


def test_xml_without_size(tmp_path: Path) -> None:
    export(tmp_path, "VOC2007/JPEGImages", "VOC2007/Annotations", size=False)
    lists(tmp_path / "VOC2007", train="abc")
    annotations = source(tmp_path, train={"2007": "train"}).annotations("train")
    assert annotations.sizes.tolist() == [[80, 100], [48, 64], [70, 90]]
    assert [one.boxes.tolist() for one in annotations] == BOXES
    assert any(note.startswith("3 of 3 images have their size from the image file") for note in annotations.notes)


def test_boxes_from_zero(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml", origin=0)
    voc = source(tmp_path, images="images", annotations="xml")
    assert boxes(voc) == BOXES
    assert any(
        "boxes count from 0: 2 of 6 left and top edges are below 1" in one for one in voc.annotations("train").notes
    )
    assert boxes(source(tmp_path, images="images", annotations="xml", origin=1))[0][0] == [9, 11, 40, 33]


def test_train_and_val_never_differ_in_origin(tmp_path: Path) -> None:
    """Alone, b would be taken for one that counts from 0."""
    export(tmp_path, "VOC2007/JPEGImages", "VOC2007/Annotations")
    lists(tmp_path / "VOC2007", train="ac", val="b")
    assert boxes(source(tmp_path, train={"2007": "train"}, val={"2007": "val"}), "val") == BOXES[1:2]
    assert boxes(source(tmp_path, train={"2007": "val"}, val={}, test={})) == [[[6, 7, 55, 48]]]


def test_given_class_names_win_and_keep_their_order(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml")
    voc = source(tmp_path, images="images", annotations="xml", class_names=["dog", "cat", "bird"])
    assert voc.class_names == ("dog", "cat", "bird")
    assert voc.annotations("train").labels.tolist() == [1, 0, 0]
    assert not any("class names" in note for note in voc.annotations("train").notes)


def test_found_class_names_are_those_of_all_splits_and_counted(tmp_path: Path) -> None:
    export(tmp_path, "VOC2007/JPEGImages", "VOC2007/Annotations")
    lists(tmp_path / "VOC2007", train="b", val="a")
    voc = source(tmp_path, train={"2007": "train"}, val={"2007": "val"})
    assert voc.class_names == ("cat", "dog")
    assert voc.annotations("train").notes[0] == "class names found, with their objects: cat 1, dog 2"
    assert source(tmp_path, train={"2007": "train"}, val={"2007": "val"}, classes=["dog"]).class_names == ("dog",)
    with pytest.raises(ValueError, match="did you mean 'dog'"):
        _ = source(tmp_path, train={"2007": "train"}, val={"2007": "val"}, classes=["dogs"]).class_names


def test_the_challenge_keeps_its_names_whatever_objects_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "VOC2007"
    image(folder / "JPEGImages/000001.jpg", "a")
    xml(folder / "Annotations/000001.xml", "a")
    path = folder / "Annotations/000001.xml"
    path.write_text(path.read_text().replace("<annotation>", "<annotation><folder>VOC2007</folder>"))
    lists(folder)
    (folder / "ImageSets/Main/trainval.txt").write_text("000001\n")
    voc = source(tmp_path)
    assert voc.class_names == VOC_CLASS_NAMES
    with pytest.raises(FileNotFoundError, match="VOC2012"):
        voc.annotations("train")
    alone = source(folder)  # the year itself as root
    assert boxes(alone) == BOXES[:1] and len(alone.annotations("train").notes) == 1


def test_where_nothing_is_yet_the_names_are_those_of_the_challenge(tmp_path: Path) -> None:
    assert source(tmp_path / "gone").class_names == VOC_CLASS_NAMES
    with pytest.raises(FileNotFoundError, match="VOC2007/Annotations"):
        _ = source(tmp_path).class_names


def test_no_objects_at_all_is_told(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml", ["c"])
    with pytest.raises(
        ValueError, match=r"objects with a <name> in .*none in 1 images: .*data\.class_names=\[cat,dog\]"
    ):
        _ = source(tmp_path, images="images", annotations="xml").class_names


def test_folders_that_do_not_fit_together_are_told(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml")
    with pytest.raises(ValueError, match=r"data\.images with data\.annotations=xml"):
        source(tmp_path, annotations="xml")
    with pytest.raises(FileNotFoundError, match=r"folder of annotations at .*gone"):
        source(tmp_path, images="images", annotations="gone").annotations("train")
    with pytest.raises(FileNotFoundError, match=r"none of 3 images has one: set data\.annotations"):
        source(tmp_path, images="images", class_names=["cat", "dog"]).annotations("train")
    with pytest.raises(ValueError, match=r"data\.train as a list file with data\.images"):
        source(tmp_path, images="images", annotations="xml", train={"2007": "train"}).annotations("train")


@pytest.mark.parametrize("origin", [0, 1])
def test_what_is_converted_is_the_same_wherever_it_counted_from(tmp_path: Path, origin: int) -> None:
    export(tmp_path, "images", "xml", origin=origin)
    before = source(tmp_path, images="images", annotations="xml").annotations("train")
    convert({"train": before}, "voc", tmp_path / "voc")
    again = source(tmp_path / "voc", train={"2007": "train"}, val={}, test={}).annotations("train")
    assert [one.boxes.tolist() for one in again] == [one.boxes.tolist() for one in before] == BOXES
    assert "boxes count from 1: the files have the mark of lightweight-ssd" in again.notes


def test_settings_arrive_from_the_command_line(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml")
    lists(tmp_path, ".", train="ca", val="b")
    overrides = [
        "data=voc", f"data.root={tmp_path}", "data.images=images", "data.annotations=xml", "data.origin=1",
        "data.train=train.txt", "data.val=val.txt", f"data.cache_dir={tmp_path / 'cache'}",
    ]  # fmt: skip
    voc = data_source(overrides)
    assert isinstance(voc, VOC) and names(voc, "train") == ["c", "a"] and boxes(voc, "val") == BOXES[1:2]
    divided = data_source([*overrides[:5], "data.split={val: 0.4, test: 0}", overrides[-1]])
    assert len(divided.annotations("train")) + len(divided.annotations("val")) == 3


def test_data_check_takes_what_training_takes(tmp_path: Path) -> None:
    export(tmp_path, "images", "xml", size=False)
    (tmp_path / "xml" / "c.xml").unlink()
    settings = {"root": tmp_path, "images": "images", "annotations": "xml", "split": {"val": 0.4}}
    check = data_check("voc", output=tmp_path / "p.csv", cache_dir=tmp_path / "cache", **settings)
    assert check.errors == 0 and sum(check.images[split] for split in ("train", "val")) == 3
    assert {problem.kind for problem in check.problems()} == {"size from image file"}
    check = data_check("voc", output=tmp_path / "p.csv", cache_dir=tmp_path / "cache", **{**settings, "split": None})
    assert {problem.split for problem in check.problems() if problem.severity == "error"} == {"val", "test"}


def test_data_check_names_what_is_wrong_in_a_list(tmp_path: Path) -> None:
    export(tmp_path, "JPEGImages", "Annotations")
    lists(tmp_path, train="abx")
    check = data_check(
        "voc", output=tmp_path / "p.csv", root=tmp_path, cache_dir=tmp_path / "cache", split={"val": 0.4}
    )
    errors = [(one.kind, Path(one.file).name) for one in check.problems() if one.severity == "error"]
    assert errors == [("missing image", "x")]
