"""Some classes of a data set, and a share of its training images: chosen in the same way for every kind of data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import coco_example
from tests.broken_data import coco, voc

from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.voc_devkit import write_split
from lightweight_ssd.data.selection import Selection, check_val_share, hold_out, is_held_out
from lightweight_ssd.data.shapes import Shapes
from lightweight_ssd.data.voc import VOC
from lightweight_ssd.types import OTHER_CLASS, Annotation

NAMES = ("bird", "cat", "dog")
BOXES = np.array([[1, 2, 30, 40], [5, 5, 20, 20], [0, 0, 9, 9]], np.float32)
LABELS = {"a": [0, 1, 2], "b": [1, 1, 1], "c": [0, 0, 0]}  # by image


def devkit(root: Path) -> Path:
    rows = [Annotation.of_boxes(1, f"{name}.jpg", 50, 60, BOXES, np.array(labels)) for name, labels in LABELS.items()]
    for split in ("train", "test"):
        write_split(root, "2007", split, rows, NAMES)
    for name in LABELS:
        (root / "VOC2007" / "JPEGImages" / f"{name}.jpg").touch()
    return root


def source(root: Path, **options: Any) -> VOC:
    test = {"2007": "test"}
    return VOC(devkit(root), NAMES, {"2007": "train"}, test, test, cache_dir=root / "cache", **options)


def labels(annotations: PackedAnnotations) -> list[list[int]]:
    return [one.labels.tolist() for one in annotations]


def test_chosen_classes_are_the_labels_in_the_order_given_and_the_rest_is_background(tmp_path: Path) -> None:
    chosen = source(tmp_path, classes=["dog", "bird"])
    assert chosen.class_names == ("dog", "bird") and chosen.category_ids == (3, 1)
    for split in ("train", "val", "test"):
        annotations = chosen.annotations(split)
        assert (annotations.class_names, annotations.category_ids) == (("dog", "bird"), (3, 1))
        assert labels(annotations) == [[1, 0], [], [1, 1, 1]], "an image without a chosen object stays"
        assert annotations[0].boxes.tolist() == BOXES[[0, 2]].tolist()
    assert labels(source(tmp_path).annotations("train")) == list(LABELS.values())


def test_objects_of_other_classes_can_be_ignored(tmp_path: Path) -> None:
    one = source(tmp_path, classes="cat", other_classes="ignore").annotations("test")[0]
    assert one.labels.tolist() == [OTHER_CLASS, 0, OTHER_CLASS]
    assert one.difficult.tolist() == [True, False, True] and len(one.boxes) == 3
    assert one.of_chosen_classes().boxes.tolist() == BOXES[[1]].tolist()


def test_training_images_without_a_chosen_object_can_be_dropped(tmp_path: Path) -> None:
    for other in ("background", "ignore"):
        chosen = source(tmp_path, classes=["cat"], other_classes=other, empty_images="drop")
        assert [Path(one.path).stem for one in chosen.annotations("train")] == ["a", "b"]
        assert len(chosen.annotations("val")) == len(chosen.annotations("test")) == 3, "false alarms count there"


def test_the_cache_of_annotations_serves_every_choice(tmp_path: Path) -> None:
    for classes in (None, ["cat"], ["dog"]):
        source(tmp_path, classes=classes).annotations("train")
    assert len(list((tmp_path / "cache").glob("*.arrays"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": ["cats"]}, "among the data set's 3 classes, but got 'cats': did you mean 'cat'?"),
        ({"classes": ["Dog"]}, "but got 'Dog': did you mean 'dog'?"),
        ({"classes": ["car"]}, "but got 'car': choose among bird, cat, dog."),
        ({"classes": []}, "Expected data.classes to be different names, at least one, but got []"),
        ({"classes": ["cat", "cat"]}, "Expected data.classes to be different names"),
        ({"other_classes": "ignore"}, "Expected data.classes with data.other_classes=ignore, but got none"),
        ({"classes": ["cat"], "other_classes": "drop"}, "data.other_classes to be one of background, ignore"),
        ({"empty_images": "skip"}, "Expected data.empty_images to be one of keep, drop, but got 'skip'"),
        ({"val_share": 1}, "Expected data.val_share above 0 and below 1, or null, but got 1"),
    ],
)
def test_a_wrong_choice_is_one_sentence(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as raised:
        source(tmp_path, **options)
    assert said in str(raised.value)


def test_a_share_in_words_is_told() -> None:
    for share in ("a tenth", True, 0.0):
        with pytest.raises(ValueError, match=f"above 0 and below 1, or null, but got {share!r}: 0.1 keeps a tenth"):
            check_val_share(share)


def test_no_training_image_left_is_told(tmp_path: Path) -> None:
    rows = [Annotation.of_boxes(1, "/a.jpg", 50, 60, BOXES, np.array([1, 1, 1]))]
    annotations = PackedAnnotations.from_annotations(rows, NAMES)
    chosen = Selection(("dog",), empty_images="drop")
    with pytest.raises(ValueError, match="training images with objects of dog, but none has any"):
        chosen.apply(annotations, "train")
    assert len(chosen.apply(annotations, "val")) == 1


def test_coco_keeps_its_category_ids(tmp_path: Path) -> None:
    coco_example.write(tmp_path, coco_example.document())
    part = {"annotations": "train.json", "images": "images"}
    chosen = COCO(tmp_path, part, part, part, cache_dir=tmp_path / "cache", classes=["toothbrush", "car"])
    assert chosen.class_names == ("toothbrush", "car") and chosen.category_ids == (90, 3)
    assert chosen.all_class_names == ("car", "dog", "toothbrush")
    annotations = chosen.annotations("train")
    assert labels(annotations) == [[1], [1], [0]] and annotations.category_ids == (90, 3)
    with pytest.raises(ValueError, match=r"among the data set's 3 classes, but got 'dogs': did you mean 'dog'\?"):
        _ = COCO(tmp_path, part, part, part, classes=["dogs"]).class_names


def test_shapes_are_drawn_once_for_every_choice(tmp_path: Path) -> None:
    few = {"image_size": 64, "train_images": 6, "val_images": 3, "test_images": 2}
    whole, chosen = Shapes(tmp_path, **few), Shapes(tmp_path, **few, classes=["heart", "circle"])
    assert chosen.devkit == whole.devkit
    assert chosen.class_names == ("heart", "circle") and chosen.category_ids == (5, 1)
    everything, some = whole.annotations("train"), chosen.annotations("train")
    assert whole.class_names == chosen.all_class_names and len(whole.class_names) == 5
    counts = np.bincount(everything.labels, minlength=5)
    assert np.bincount(some.labels, minlength=2).tolist() == [counts[4], counts[0]]
    with pytest.raises(ValueError, match="choose among circle, square"):
        Shapes(tmp_path, classes=["cube"])


def numbered(count: int) -> PackedAnnotations:
    rows = [Annotation.of_boxes(n, f"/data/{n:06}.jpg", 50, 60, BOXES, np.array([0, 1, 2])) for n in range(count)]
    return PackedAnnotations.from_annotations(rows, NAMES)


def test_a_share_of_the_training_images_is_kept_apart_always_the_same() -> None:
    train, val = (hold_out(numbered(3000), 0.1, split) for split in ("train", "val"))
    assert len(train) + len(val) == 3000 and not {*train.image_ids.tolist()} & {*val.image_ids.tolist()}
    assert 240 < len(val) < 360
    again = hold_out(numbered(3500), 0.1, "val")
    assert {*val.image_ids.tolist()} == {number for number in again.image_ids.tolist() if number < 3000}
    assert is_held_out("/elsewhere/000042.png", 0.5) == is_held_out("/data/000042.jpg", 0.5)
    assert not is_held_out("000010.jpg", 0.5) and is_held_out("000009.jpg", 0.5), "the same on every machine"


def test_the_share_takes_the_place_of_the_validation(tmp_path: Path) -> None:
    for kept in (source(tmp_path, val_share=0.5), source(tmp_path, val_share=0.5, classes=["cat"])):
        paths = [kept.annotations(split).paths() for split in ("train", "val", "test")]
        assert len(paths[2]) == 3 and sorted(paths[0] + paths[1]) == sorted(paths[2])
        assert paths[0] and paths[1]
    with pytest.raises(ValueError, match=r"images for val with data\.val_share=0\.0001, but none of 3 images is left"):
        source(tmp_path, val_share=0.0001).annotations("val")


def test_coco_has_the_share_too(tmp_path: Path) -> None:
    part = {"annotations": "train.json", "images": "images"}
    coco(tmp_path)
    kept = COCO(tmp_path, part, part, part, cache_dir=tmp_path / "cache", val_share=0.5)
    ids = [kept.annotations(split).image_ids.tolist() for split in ("train", "val", "test")]
    assert sorted(ids[0] + ids[1]) == sorted(ids[2]) == [ord("a"), ord("b"), ord("c")]


def test_a_class_that_is_not_named_offers_the_choice(tmp_path: Path) -> None:
    kept = voc(tmp_path)
    file = tmp_path / "VOC2007/Annotations/b.xml"
    file.write_text(file.read_text().replace("cat", "car"))
    with pytest.raises(ValueError) as raised:
        kept.annotations("train")
    assert "but got 'car': correct the file, or add the name to data.class_names" in str(raised.value)
    assert "data.classes chooses some to train on" in str(raised.value) and "did you mean" not in str(raised.value)


def test_ignored_objects_count_once_in_every_class_of_a_metric_and_of_the_files(tmp_path: Path) -> None:
    from lightweight_ssd.data.formats.coco_results import write_ground_truth

    one = source(tmp_path, classes=["cat", "dog"], other_classes="ignore").annotations("test")[0]
    assert one.in_every_class(2).labels.tolist() == [0, 1, 0, 1]
    assert one.in_every_class(2).difficult.tolist() == [False, False, True, True]
    write_ground_truth(tmp_path / "truth.json", [one], ("cat", "dog"), (2, 3))
    written = json.loads((tmp_path / "truth.json").read_text())["annotations"]
    assert [(entry["category_id"], entry["ignore"]) for entry in written] == [(2, 0), (3, 0), (2, 1), (3, 1)]
