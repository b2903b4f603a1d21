"""Files that annotations name: images of the size that they have there, and nothing else."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.coco_example import document, write

from lightweight_ssd.data.coco import COCO
from lightweight_ssd.data.dataset import DetectionDataset
from lightweight_ssd.data.formats.convert import convert
from lightweight_ssd.data.formats.voc_devkit import read_split
from lightweight_ssd.data.images import reader
from lightweight_ssd.data.images.reader import read_image

WITHIN = 5  # seconds


@pytest.fixture
def in_time() -> Iterator[None]:
    """Ends a test that waits for what never comes."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail(f"it took more than {WITHIN} s"))
    signal.alarm(WITHIN)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("in_time")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    for path in (tmp_path / "a.jpg", Path(os.devnull)):
        with pytest.raises(ValueError, match=r"^Expected an image at \S+, but that is a device or a pipe: name a file"):
            read_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_an_image_of_another_size_takes_no_memory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (70, 50)).save(tmp_path / name)
    monkeypatch.setattr(reader, "_decode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match=r"to be 40x30 pixels .* but it is 70x50: "):
        read_image(tmp_path / name, (30, 40))


def test_one_that_lies_on_its_side_is_looked_at(tmp_path: Path) -> None:
    Image.new("RGB", (70, 50)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"to be 50x70 pixels .* but it is 70x50: "):
        read_image(tmp_path / "a.png", (70, 50))


@pytest.mark.parametrize("way", ["absolute", "relative"])
def test_a_file_outside_the_data_is_used_as_an_image_or_not_at_all(way: str, tmp_path: Path) -> None:
    """`file_name` may lead anywhere, as many data sets have it; but text is no image."""
    outside = tmp_path / "outside" / "text.jpg"
    outside.parent.mkdir()
    outside.write_text("a secret")
    content = document()
    content["images"][0]["file_name"] = str(outside) if way == "absolute" else "../../outside/text.jpg"
    part = {"annotations": write(tmp_path / "data", content).name, "images": "images"}
    annotations = COCO(tmp_path / "data", part, part, part, cache_dir=tmp_path / "cache").annotations("train")
    dataset = DetectionDataset(annotations, lambda image, boxes, labels, **_: (image, boxes, labels))
    with pytest.raises(ValueError, match=r"text\.jpg, but it cannot be decoded: ") as raised:
        dataset[0]
    assert "secret" not in str(raised.value)


def test_a_converted_set_stays_in_its_folder_and_copies_images_only(tmp_path: Path) -> None:
    content = document()
    content["images"] = content["images"][:2]
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] != 1000]
    content["images"][0]["file_name"] = "../a.jpg"
    part = {"annotations": write(tmp_path / "data", content).name, "images": "images"}
    for name in ("a.jpg", "images/b.jpg"):
        Image.new("RGB", (100, 80)).save(tmp_path / "data" / name)
    annotations = COCO(tmp_path / "data", part, part, part, cache_dir=tmp_path / "cache").annotations("train")
    convert({"train": annotations}, "coco", tmp_path / "output" / "new")
    assert sorted(path.name for path in (tmp_path / "output").rglob("*.jpg")) == ["a.jpg", "b.jpg"]
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["new"]
    (tmp_path / "data" / "a.jpg").write_text("a secret")
    with pytest.raises(ValueError, match=r"^Expected an image in \S+a\.jpg, but it is none: "):
        convert({"train": annotations}, "coco", tmp_path / "output" / "other")
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["new"]


def test_an_id_of_a_list_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "VOC2007"
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.jpg")
    (tmp_path / "a.xml").write_text("<annotation/>")
    (folder / "ImageSets" / "Main" / "train.txt").write_text("../../a\n")
    with pytest.raises(FileNotFoundError, match=r"'\.\./\.\./a' has none"):
        read_split(tmp_path, "2007", "train", ("cat",))
