from pathlib import Path
from typing import Literal

import pytest
from tests.broken_data import VOC_CASES, voc

from lightweight_ssd.config.compose import compose
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.curation.convert import DataConversion, data_convert


@pytest.mark.parametrize("to", ["coco", "voc"])
def test_the_result_can_be_used_by_its_overrides(tmp_path: Path, to: Literal["coco", "voc"]) -> None:
    source = voc(tmp_path / "devkit")
    done = data_convert(to, tmp_path / "new set", source, images="link")
    assert (done.to, done.output, done.class_names, done.missing) == (to, tmp_path / "new set", ("cat", "dog"), ())
    assert _plain(done) == {"train": (3, 3, 0), "val": (2, 2, 0), "test": (2, 2, 0)}
    assert len(list(done.image_folder.iterdir())) == 7 and done.with_images
    again = build(compose([*done.overrides, f"data.cache_dir={tmp_path}"]).data)
    for split in ("train", "val", "test"):
        assert again.annotations(split).boxes.tolist() == source.annotations(split).boxes.tolist()


def test_some_splits_and_what_was_skipped(tmp_path: Path) -> None:
    voc(tmp_path)
    VOC_CASES["class"][1](tmp_path)
    done = data_convert("coco", tmp_path / "new", voc(tmp_path, on_bad="skip"), "none", ["train"])
    assert done.missing == ("val", "test") and not done.with_images
    assert (done.splits["train"].images, len(done.splits["train"].skipped)) == (2, 1)
    assert "'catt'" in (tmp_path / "new" / "skipped.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Expected to, but none was given; give to=coco."),
        ({"to": "coco"}, "Expected output, but none was given; give output=FOLDER."),
        ({"to": "yolo", "output": "x"}, "Expected to to be one of coco, voc, but got 'yolo'."),
        ({"to": "voc", "output": "x", "images": "move"}, "Expected images to be one of copy, link, none, but got"),
        ({"to": "voc", "output": "x", "splits": []}, "Expected splits to be a list"),
        ({"to": "voc", "output": "x", "splits": ["all"]}, "each one of test, train, val, but got ['all']."),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        data_convert(**arguments)
    assert message in str(raised.value)


def _plain(done: DataConversion) -> dict[str, tuple[int, int, int]]:
    return {name: (split.images, split.objects, split.crowd_regions) for name, split in done.splits.items()}
