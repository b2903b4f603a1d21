import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.coco_example import document, write

from lightweight_ssd.data.formats import coco_instances as coco_format
from lightweight_ssd.data.formats.coco_instances import read_instances
from lightweight_ssd.data.formats.packed import PackedAnnotations


def read(root: Path, content: object, **options: Any) -> PackedAnnotations:
    return read_instances(write(root, content), root / "images", **options)


def changed(group: str, row: int, **fields: object) -> dict[str, Any]:
    content = document()
    content[group][row].update(fields)
    return content


def test_ids_order_and_names_are_those_of_the_file(tmp_path: Path) -> None:
    split = read(tmp_path, document())
    assert split.class_names == ("car", "dog", "toothbrush")
    assert split.category_ids == (3, 18, 90)
    assert split.image_ids.tolist() == [42, 7, 1000]
    assert [one.path for one in split] == [str(tmp_path / "images" / name) for name in ("a.jpg", "b.jpg", "more/c.png")]
    assert [(one.height, one.width) for one in split] == [(80, 100)] * 3
    assert [one.labels.tolist() for one in split] == [[0, 1], [1, 0], [2]]
    assert split[1].boxes.tolist() == [[10, 20, 40, 60], [50, 10, 70, 30]]
    np.testing.assert_allclose(split[2].boxes, [[5.13, 6.27, 13.04, 14.31]], rtol=1e-6)
    assert split.skipped == ()


def test_crowds_difficult_objects_and_areas_are_kept(tmp_path: Path) -> None:
    split = read(tmp_path, document())
    assert [one.crowd.tolist() for one in split] == [[False, False], [False, True], [False]]
    assert [one.difficult.tolist() for one in split] == [[False, True], [False, False], [False]]
    np.testing.assert_allclose(np.concatenate([one.areas for one in split]), [3967.5625, 6, 600, 200, 31.7982])


def test_an_area_that_is_not_told_is_the_boxs(tmp_path: Path) -> None:
    content = document()
    del content["annotations"][0]["area"]
    content["annotations"][3]["area"] = None
    split = read(tmp_path, content)
    assert split[1].areas.tolist() == [1200, 200]
    np.testing.assert_allclose(split[2].areas, [7.91 * 8.04], rtol=1e-5)


def test_images_without_objects_stay(tmp_path: Path) -> None:
    content = document()
    content["annotations"] = []
    split = read(tmp_path, content)
    assert len(split) == 3
    assert split[0].boxes.shape == (0, 4)


def test_a_byte_order_mark_is_stepped_over(tmp_path: Path) -> None:
    assert len(read(tmp_path, b"\xef\xbb\xbf" + json.dumps(document()).encode())) == 3


def test_a_hair_outside_is_clipped(tmp_path: Path) -> None:
    split = read(tmp_path, changed("annotations", 0, bbox=[-0.5, 20, 101.2, 40]))
    assert split[1].boxes[0].tolist() == [0, 20, 100, 60]
    with pytest.raises(
        ValueError, match=r"annotation 11 of image 7 .*inside its image of 100x80 .*data\.box_tolerance"
    ):
        read(tmp_path, changed("annotations", 0, bbox=[-0.5, 20, 101.2, 40]), box_tolerance=0.1)


@pytest.mark.parametrize("bbox", [[10, 20, 0, 5], [10, 20, 5, 0], [100, 20, 0.5, 5], [10, 20, 1e-9, 5]])
def test_boxes_without_area_are_left_out_and_counted_or_an_error(tmp_path: Path, bbox: list[float]) -> None:
    content = changed("annotations", 0, bbox=bbox)
    split = read(tmp_path, content)
    assert len(split[1].boxes) == 1
    (note,) = split.notes
    assert "1 box of no width or height" in note and "annotation 11" in note
    with pytest.raises(ValueError, match=r"annotation 11 of image 7 .* to have an area.*data\.drop_empty_boxes=true"):
        read(tmp_path, content, drop_empty_boxes=False)


WRONG = {
    "no such image": (changed("annotations", 0, image_id=8), r"annotation 11 of image 8 .*none has this id", 8),
    "no such category": (changed("annotations", 0, category_id=4), r"annotation 11 .*3 categories, but got 4", 7),
    "inverted": (changed("annotations", 0, bbox=[10, 20, -5, 5]), r"at least 0, but got 10, 20, -5, 5", 7),
    "outside": (changed("annotations", 0, bbox=[90, 20, 30, 5]), r"inside its image of 100x80 pixels, but got", 7),
    "far outside": (changed("annotations", 0, bbox=[1e308, 20, 1e308, 5]), r"inside its image", 7),
    "NaN": (changed("annotations", 0, bbox=[float("nan"), 20, 3, 5]), r"\[0\] .*NaN, infinite.*bbox\[0\]", 7),
    "infinite": (changed("annotations", 0, bbox=[1, 20, 3, -float("inf")]), r"annotations\[0\] .*bbox\[3\]", 7),
    "three numbers": (changed("annotations", 0, bbox=[1, 2, 3]), r"annotations\[0\] .*`array` of length 4", 7),
    "text in a box": (changed("annotations", 0, bbox=[1, 2, 3, "d"]), r"annotations\[0\] .*`float`, got `str`", 7),
    "neither box nor polygon": (changed("annotations", 2, bbox=None), r"\[2\] .*got `null` - at `\$\.bbox", 7),
    "polygon of text": (changed("annotations", 0, bbox=[], segmentation=[["a", 1, 2, 3]]), r"length 4, got 0", 7),
    "negative area": (changed("annotations", 0, area=-1), r"annotations\[0\] .*area", 7),
    "crowd of two": (changed("annotations", 0, iscrowd=2), r"annotations\[0\] .*iscrowd", 7),
    "id as a fraction": (changed("annotations", 0, category_id=3.5), r"annotations\[0\] .*`int`, got `float`", 7),
    "image id twice": (changed("images", 0, id=7), r"the id 7 of 'a\.jpg' stands there more than once", 7),
    "image twice": (changed("images", 0, file_name="b.jpg"), r"file name of 'b\.jpg' stands there more than once", 7),
    "no such file": (changed("images", 1, file_name="gone.jpg"), r"'gone\.jpg' of .*no such file: put it there", 7),
    "name that no file has": (changed("images", 1, file_name="b\0.jpg"), r"images\[1\] .*file_name", 7),
    "same file, written otherwise": (changed("images", 0, file_name="./b.jpg"), r"'\./b\.jpg' stands there more", 7),
    "name in the root": (changed("images", 1, file_name="/gone.jpg"), r"'/gone\.jpg' of .*no such file: put it", 7),
    "no width": (changed("images", 1, width=0), r"width and height of the image 'b\.jpg' .*neither has them", 7),
    "negative width": (changed("images", 1, width=-100), r"images\[1\] .*width", 7),
    "width as a word": (changed("images", 1, width="wide"), r"images\[1\] .*`int \| null`, got `str`", 7),
    "crowd as a word": (changed("annotations", 0, iscrowd="some"), r"\[0\] .*0, 1, true or false, got 'some'", 7),
    "difficult of two": (changed("annotations", 0, attributes={"difficult": 2}), r"got 2 - at `\$\.attributes", 7),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_sentence_says_what_is_wrong_or_the_image_is_left_out_whole(tmp_path: Path, case: str) -> None:
    content, sentence, image_id = WRONG[case]
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        read(tmp_path, content)
    kept = read(tmp_path, content, on_bad="skip")
    assert any(re.search(sentence, one) for one in kept.skipped)
    assert 1 <= len(kept) <= 3 and image_id not in kept.image_ids
    whole = {one.image_id: one for one in read(tmp_path, document())}
    untouched = [one for one in kept if one.image_id != 7 or case != "no such image"]
    assert all(np.array_equal(one.boxes, whole[one.image_id].boxes) for one in untouched)


def test_further_wrong_images_are_counted(tmp_path: Path) -> None:
    content = changed("annotations", 0, category_id=4)
    content["annotations"][1]["bbox"] = [0, 0, -1, -1]
    content["annotations"][2]["bbox"] = []
    content["images"][2]["file_name"] = "gone.jpg"
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg.*\(2 more images have wrong entries\.\)"):
        read(tmp_path, content)
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):  # no image is left
        read(tmp_path, content, on_bad="skip")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "truncated"),
        (b'{"images": [', "truncated"),
        (b"not JSON", "but JSON is malformed"),
        (json.dumps(document()).replace("toothbrush", "@").encode().replace(b"@", b"\xe9"), r"categories\[0\] .*0xe9"),
        (json.dumps(document()).encode("utf-16"), "malformed"),
        ([], r"expected `object`, got `array`"),
        ({"images": [], "categories": []}, "`annotations`"),
        ({**document(), "images": []}, "lists none"),
        ({**document(), "images": 3}, r"got `int` - at `\$\.images`"),
        ({**document(), "categories": []}, "at least one, but got none"),
        (changed("categories", 0, id=3), r"with different ids .*3 'toothbrush', 3 'car'"),
        (changed("categories", 0, name=None), r"categories\[0\] .*got `null`"),
        (changed("categories", 0, name=[7]), r"categories\[0\] .*got `array`"),
        (changed("images", 0, id=True), r"images\[0\] .*`int`, got `bool`"),
        (changed("images", 0, id=4.5), r"images\[0\] .*`int`, got `float`"),
        (changed("images", 0, id=2**63), r"images\[0\]"),
        (changed("annotations", 0, image_id=None), r"annotations\[0\] .*got `null`"),
        (b'{"info": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_in_any_case(tmp_path: Path, content: object, words: str) -> None:
    for on_bad in ("error", "skip"):
        with pytest.raises(ValueError, match=r"^Expected .*train\.json") as caught:
            read(tmp_path, content, on_bad=on_bad)
        assert re.search(words, str(caught.value))


def test_a_missing_file_or_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"gone\.json, but there is no such file: put it there, or set data\.root"
    ):
        read_instances(tmp_path / "gone.json", tmp_path)
    with pytest.raises(ValueError, match="that is a folder"):
        read_instances(tmp_path, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'a\.jpg' of .*in .*nowhere, .*\(2 more images"):
        read_instances(write(tmp_path, document()), tmp_path / "nowhere")


def test_text_that_is_not_utf_8_spoils_its_entry_alone(tmp_path: Path) -> None:
    data = json.dumps(changed("images", 1, file_name="@")).encode().replace(b"@", b"caf\xe9")
    sentence = r"^Expected images\[1\] of .*train\.json as .*, but it holds text that is not UTF-8 \(byte 0xe9\): "
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path, data)
    kept = read(tmp_path, data, on_bad="skip")
    assert kept.image_ids.tolist() == [42, 1000] and re.search(sentence, kept.skipped[0])


def test_every_spelling_of_a_file_is_one_file(tmp_path: Path) -> None:
    names = ["more/c.png", "more//c.png", "./more/c.png", "more/../more/c.png", f"{tmp_path / 'images'}/more/c.png"]
    for name in names[1:]:
        content = changed("images", 0, file_name=name)
        with pytest.raises(ValueError, match=r"stands there more than once"):
            read(tmp_path, content)
    (tmp_path / "images" / ".c.png").touch()
    assert len(read(tmp_path, changed("images", 0, file_name=".c.png"))) == 3


def test_an_absolute_file_name_is_looked_up_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jpg").touch()
    name = str(tmp_path / "elsewhere.jpg")
    assert read(tmp_path, changed("images", 0, file_name=name))[0].path == name


def test_names_that_look_like_no_number_survive(tmp_path: Path) -> None:
    content = changed("annotations", 0, bbox=[float("nan"), 1, 2, 3])
    content["categories"][0]["name"] = 'a "NaN", -Infinity'
    assert read(tmp_path, content, on_bad="skip").class_names[2] == 'a "NaN", -Infinity'


class Reader:
    """Counts how often a file is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.read = coco_format.read_tables
        monkeypatch.setattr(coco_format, "read_tables", self)

    def __call__(self, path: Path) -> object:
        self.count += 1
        return self.read(path)


def test_the_second_time_comes_from_the_cache_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, cache = Reader(monkeypatch), tmp_path / "cache"
    file = write(tmp_path, document())

    def again(**options: Any) -> int:
        split = read_instances(file, tmp_path / "images", cache_dir=cache, **options)
        assert split.category_ids == (3, 18, 90) and split[1].crowd.tolist() == [False, True]
        return reader.count

    assert [again(), again()] == [1, 1]
    assert [again(on_bad="skip"), again(box_tolerance=2.0), again(drop_empty_boxes=False), again()] == [2, 3, 4, 4]
    os.utime(file, ns=(0, 0))
    assert [again(), again()] == [5, 5]
    os.utime(tmp_path / "images", ns=(0, 0))
    (tmp_path / "images" / "more" / "empty").mkdir()
    (tmp_path / "images" / "problems.csv").touch()
    assert [again(), again()] == [5, 5]  # no image came or went
    os.utime(tmp_path / "images", ns=(0, 0))
    (tmp_path / "images" / "new.jpg").touch()
    assert [again(), again()] == [6, 6]
    (tmp_path / "images" / "more" / "c.png").unlink()
    os.utime(tmp_path / "images" / "more", ns=(0, 0))
    with pytest.raises(FileNotFoundError, match=r"more/c\.png"):
        again()
