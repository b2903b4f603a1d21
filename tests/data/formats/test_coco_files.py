"""Instances files without sizes, and with the paths of another machine."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.command_line import run_command

from lightweight_ssd.data.formats.coco_files import locate_images
from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.coco_json import Images
from lightweight_ssd.data.formats.packed import PackedAnnotations

SIZES = {"a.jpg": (60, 80), "b.png": (33, 44), "c.jpg": (50, 40)}  # height, width


def data(root: Path, *, sizes: bool = False, names: dict[str, str] | None = None) -> dict[str, Any]:
    """Three images on disk and a file on them; `names` are what it calls them."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for name, (height, width) in SIZES.items():
        Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(root / "images" / name)
    images = [{"id": ord(name[0]), "file_name": (names or {}).get(name, name)} for name in SIZES]
    if sizes:
        for image, (height, width) in zip(images, SIZES.values(), strict=True):
            image |= {"height": height, "width": width}
    objects = [{"id": ord(n[0]), "image_id": ord(n[0]), "category_id": 1, "bbox": [1, 2, 30, 30]} for n in SIZES]
    return {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "cat"}]}


def read(root: Path, content: dict[str, Any], **options: Any) -> PackedAnnotations:
    (root / "train.json").write_text(json.dumps(content))
    return read_instances(root / "train.json", root / "images", **options)


@pytest.mark.parametrize("size", [(None, 33), (0, 0), ("0", 33.0), (float("nan"), 33), ("", "33")])
def test_sizes_that_are_not_given_are_those_of_the_images(tmp_path: Path, size: tuple[Any, Any]) -> None:
    content = data(tmp_path)
    content["images"][1] |= dict(zip(("width", "height"), size, strict=True))
    annotations = read(tmp_path, content, cache_dir=tmp_path / "cache")
    assert annotations.sizes.tolist() == [list(size) for size in SIZES.values()]
    assert annotations.notes[0].startswith("3 images of ") and "sizes are read from the image" in annotations.notes[0]
    again = read_instances(tmp_path / "train.json", tmp_path / "images", cache_dir=tmp_path / "cache")
    assert again.sizes.tolist() == annotations.sizes.tolist() and again.notes == annotations.notes


@pytest.mark.parametrize("size", [("44", "33"), (44.0, 33.0), ("44", 33)])
def test_sizes_are_whole_numbers_in_any_spelling(tmp_path: Path, size: tuple[Any, Any]) -> None:
    content = data(tmp_path, sizes=True)
    content["images"][1] |= dict(zip(("width", "height"), size, strict=True))
    annotations = read(tmp_path, content)
    assert annotations.sizes[1].tolist() == [33, 44] and not annotations.notes
    content["images"][1]["width"] = 44.5
    with pytest.raises(ValueError, match=r"^Expected images\[1\] of .*width"):
        read(tmp_path, content)


def test_a_size_that_is_nowhere_is_one_sentence_or_its_image_is_left_out(tmp_path: Path) -> None:
    content = data(tmp_path)
    (tmp_path / "images" / "b.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"width and height of the image 'b\.png' in .*neither has them"):
        read(tmp_path, content)
    assert len(read(tmp_path, content, on_bad="skip")) == 2


def test_boxes_are_held_against_the_size_of_the_image(tmp_path: Path) -> None:
    content = data(tmp_path)
    content["annotations"][0]["bbox"] = [70, 2, 30, 30]
    with pytest.raises(ValueError, match="inside its image of 80x60 pixels"):
        read(tmp_path, content)


FOREIGN = {"a.jpg": "/home/ann/set/a.jpg", "b.png": "C:\\set\\b.png", "c.jpg": "cam1/c.jpg"}


def test_paths_of_another_machine_lead_to_the_base_name(tmp_path: Path) -> None:
    annotations = read(tmp_path, data(tmp_path, sizes=True, names=FOREIGN))
    assert annotations.paths() == [str(tmp_path / "images" / name) for name in SIZES]
    (note,) = annotations.notes
    assert note.startswith("3 images of ") and "found by base name in" in note


@pytest.mark.parametrize(
    "name",
    [
        "../upload/1/a.jpg",
        "/data/local-files/?d=set%2Fa.jpg",
        "http://server/a.jpg?token=1",
        "set\\a.jpg",
        "A.JPG",
        "%61.jpg",
    ],
)
def test_other_spellings_of_a_name_lead_to_the_file(tmp_path: Path, name: str) -> None:
    annotations = read(tmp_path, data(tmp_path, sizes=True, names={"a.jpg": name}))
    assert annotations.paths()[0] == str(tmp_path / "images" / "a.jpg")


def test_letters_with_marks_are_found_however_they_are_composed(tmp_path: Path) -> None:
    content = data(tmp_path, sizes=True, names={"a.jpg": "caf\u00e9.jpg"})
    (tmp_path / "images" / "a.jpg").rename(tmp_path / "images" / "cafe\u0301.jpg")  # as macOS packs it
    assert read(tmp_path, content).paths()[0].endswith("cafe\u0301.jpg")


def test_one_base_name_in_two_folders_is_told_apart_by_the_folder(tmp_path: Path) -> None:
    names = {"a.jpg": "C:\\set\\cam1\\c.jpg", "c.jpg": "C:\\set\\cam2\\c.jpg"}
    content = data(tmp_path, sizes=True, names=names)
    for before, folder in (("a.jpg", "cam1"), ("c.jpg", "cam2")):
        (tmp_path / "images" / folder).mkdir()
        (tmp_path / "images" / before).rename(tmp_path / "images" / folder / "c.jpg")
    paths = [Path(path).relative_to(tmp_path / "images").as_posix() for path in read(tmp_path, content).paths()]
    assert paths == ["cam1/c.jpg", "b.png", "cam2/c.jpg"]


def test_hidden_folders_are_not_searched(tmp_path: Path) -> None:
    content = data(tmp_path, sizes=True, names={"a.jpg": "set/a.jpg"})
    (tmp_path / "images" / ".cache").mkdir()
    (tmp_path / "images" / ".cache" / "a.jpg").touch()
    assert read(tmp_path, content).paths()[0] == str(tmp_path / "images" / "a.jpg")


def test_an_image_further_down_is_found_and_one_that_is_there_is_not_searched(tmp_path: Path) -> None:
    content = data(tmp_path, sizes=True)
    (tmp_path / "images" / "more").mkdir()
    (tmp_path / "images" / "a.jpg").rename(tmp_path / "images" / "more" / "a.jpg")
    (tmp_path / "images" / "more" / "c.jpg").write_bytes(b"another one of this name")
    kept = [Path(path).relative_to(tmp_path / "images").as_posix() for path in read(tmp_path, content).paths()]
    assert kept == ["more/a.jpg", "b.png", "c.jpg"]


def test_what_may_be_several_files_is_one_sentence(tmp_path: Path) -> None:
    content = data(tmp_path, sizes=True, names=FOREIGN)
    (tmp_path / "images" / "more").mkdir()
    (tmp_path / "images" / "more" / "a.jpg").touch()
    said = r"'/home/ann/set/a\.jpg' of .*not there, and a\.jpg and more/a\.jpg have its base name: write into file_name"
    with pytest.raises(ValueError, match=said):
        read(tmp_path, content)
    skipped = read(tmp_path, content, on_bad="skip")
    assert len(skipped) == 2 and len(skipped.skipped) == 1


def test_two_entries_of_one_base_name_are_not_one_image(tmp_path: Path) -> None:
    content = data(tmp_path, sizes=True, names={"a.jpg": "cam1/c.jpg", "c.jpg": "cam2/c.jpg"})
    with pytest.raises(ValueError, match=r"'cam1/c\.jpg' of .*and 2 entries of the list have its base name"):
        read(tmp_path, content)
    content = data(tmp_path, sizes=True, names={"a.jpg": "cam1/c.jpg"})
    with pytest.raises(FileNotFoundError, match=r"'cam1/c\.jpg' of .*no such file"):  # c.jpg is another entry's
        read(tmp_path, content)


def test_many_foreign_names_take_few_listings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, count = tmp_path / "images", 2_000
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").touch()
    names = [f"/srv/labels/{number}.jpg" for number in range(count)]
    images = Images(np.arange(count), names, np.ones((count, 2), np.int32), {})
    listed: list[object] = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *folders, real=real: (listed.append(folders), real(*folders))[1])
    located = locate_images(tmp_path / "a.json", folder, images)
    assert len(located.by_base_name) == count and not located.missing.any()
    assert 1 <= len(listed) <= 5


def test_check_notes_what_the_files_made_good(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        (tmp_path / f"{split}.json").write_text(json.dumps(data(tmp_path / split, names=FOREIGN)))
    parts = []
    for split, name in {"train": "train", "val": "val", "test": "val"}.items():
        parts += [f"data.{split}.annotations={name}.json", f"data.{split}.images={name}/images"]
    source = ("data=coco", "data.root=.", "data.cache_dir=cache", *parts)
    ended = run_command(monkeypatch, capsys, "data", "check", *source)
    assert "found by base name" in ended.out and "size from image file" in ended.out
    with Path("problems.csv").open(newline="") as file:
        kinds = [row["kind"] for row in csv.DictReader(file) if row["severity"] == "note"]
    assert kinds.count("found by base name") == kinds.count("size from image file") == 6
    wanted = ("to=voc", "output=voc", "splits=[train]")
    converted = run_command(monkeypatch, capsys, "data", "convert", *source, *wanted)
    assert converted.code is None, converted.err
    assert "<size><width>44</width><height>33</height>" in Path("voc/VOC2007/Annotations/b.xml").read_text()
