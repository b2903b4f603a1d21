"""`data/formats/yolo_images.py` and `yolo_split.py`: images with their labels, read, packed and cached."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.small_exports import BOXES, SIZES, expected, picture, text, yolo_files

from lightweight_ssd.data.formats.yolo_images import LabeledImage, find_images, with_labels, with_labels_of
from lightweight_ssd.data.formats.yolo_split import YOLORules, parse_image, read_labels
from lightweight_ssd.data.images.reader import read_image

RULES = YOLORules(("cat", "dog"))


def test_boxes_are_those_of_the_pictures_and_notes_count_images_without_objects(tmp_path: Path):
    yolo_files(tmp_path)
    packed = read_labels(with_labels(find_images([tmp_path / "images"])), RULES, "train")
    assert [Path(path).stem for path in packed.paths()] == ["a", "b", "c"]
    assert packed.image_ids.tolist() == [1, 2, 3] and packed.category_ids == (0, 1)
    for one in packed:
        name = Path(one.path).stem
        assert np.allclose(one.boxes, np.reshape(expected(name), (-1, 4)), atol=1e-3)
        assert (one.width, one.height) == SIZES[name]
        assert [packed.class_names[label] for label in one.labels] == [label for label, *_ in BOXES[name]]
    assert packed.notes == ("train: 1 of 3 images without a label file, and with no objects therefore",)


def test_an_empty_label_file_is_counted_too(tmp_path: Path):
    yolo_files(tmp_path, empty=True)
    packed = read_labels(with_labels_of(tmp_path / "images", tmp_path / "labels"), RULES, "val")
    assert len(packed) == 3
    assert packed.notes == ("val: 1 of 3 images with an empty label file, and no objects therefore",)


PLACES = [("images/train", "labels/train"), ("train/images", "train/labels"), ("data", "data"), ("images", "images")]


@pytest.mark.parametrize(("images", "labels"), PLACES)
def test_labels_are_found_where_ultralytics_looks_and_beside_the_images(tmp_path: Path, images: str, labels: str):
    yolo_files(tmp_path, images, labels)
    found = with_labels(find_images([tmp_path / images]))
    assert [one.label and one.label.relative_to(tmp_path).as_posix() for one in found] == [
        f"{labels}/a.txt", f"{labels}/b.txt", None,
    ]  # fmt: skip


def test_a_list_names_images_from_its_folder_or_above_and_each_once(tmp_path: Path):
    yolo_files(tmp_path, "obj_train_data", "obj_train_data")
    home = tmp_path / "obj_train_data"
    lines = ["data/obj_train_data/a.png", "./obj_train_data/b.png", f"{home}/c.png", "", "obj_train_data/a.png"]
    file = text(tmp_path / "lists/train.txt", "\n".join(lines))
    assert find_images([file]) == [home / "a.png", home / "b.png", home / "c.png"]
    text(file, "obj_train_data/none.png\n")
    with pytest.raises(FileNotFoundError, match=r"none\.png' of the list .*train\.txt there or in"):
        find_images([file])


def test_no_images_is_a_sentence(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="Expected a folder or a list of images at"):
        find_images([tmp_path / "none"])
    with pytest.raises(ValueError, match="there are none"):
        find_images([tmp_path])


def test_a_wrong_line_stops_or_leaves_the_image_out(tmp_path: Path):
    yolo_files(tmp_path)
    text(tmp_path / "labels/b.txt", "0 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\n")
    text(tmp_path / "images/d.png", "no image")
    entries = with_labels(find_images([tmp_path / "images"]))
    with pytest.raises(ValueError, match=r"in line 2 of .*b\.txt, but got .*\(1 more files are wrong\.\)"):
        read_labels(entries, RULES, "train")
    packed = read_labels(entries, RULES, "train", on_bad="skip")
    assert [Path(path).stem for path in packed.paths()] == ["a", "c"] and len(packed.skipped) == 2
    assert packed.image_ids.tolist() == [1, 3]


def test_the_cache_holds_until_a_file_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    yolo_files(tmp_path)
    cache = tmp_path / "cache"

    def read() -> list[int]:
        packed = read_labels(with_labels(find_images([tmp_path / "images"])), RULES, "train", cache)
        return [len(one.boxes) for one in packed]

    with caplog.at_level(logging.WARNING):
        assert read() == [2, 1, 0]
        before = {file: file.stat().st_mtime_ns for file in cache.iterdir()}
        assert read() == [2, 1, 0] and {file: file.stat().st_mtime_ns for file in cache.iterdir()} == before
        assert not caplog.records
        text(tmp_path / "labels/c.txt", "0 0.5 0.5 0.5 0.5\n")
        assert read() == [2, 1, 1]
        picture(tmp_path / "images/d.png", "b")
        assert read() == [2, 1, 1, 0]
    assert len(caplog.records) == 2 and "Rebuilding" in caplog.text


@pytest.mark.parametrize("size", [(80, 60), (60, 60)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_those_of_the_image_as_viewers_show_it(tmp_path: Path, orientation: int, size: tuple[int, int]):
    upright = np.zeros((size[1], size[0], 3), np.uint8)
    upright[10:25, 20:50] = 255  # the object
    exif = Image.Exif()
    exif[0x0112] = orientation
    inverse = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turn = Image.Exif()
    turn[0x0112] = inverse
    stored = Image.fromarray(upright)
    stored.getexif()[0x0112] = inverse
    stored = ImageOps.exif_transpose(stored)
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    shares = (35 / size[0], 17.5 / size[1], 30 / size[0], 15 / size[1])
    label = text(tmp_path / "a.txt", f"0 {' '.join(map(str, shares))}\n")
    found, parsed = parse_image(LabeledImage(tmp_path / "a.jpg", label), RULES)
    image = read_image(tmp_path / "a.jpg", found)
    x0, y0, x1, y1 = np.rint(parsed.boxes[0]).astype(int)
    inside = np.zeros(image.shape[:2], bool)
    inside[y0:y1, x0:x1] = True
    assert image[inside].mean() > 240 and image[~inside].mean() < 15
    assert cv2.countNonZero(inside.astype(np.uint8)) == 450
