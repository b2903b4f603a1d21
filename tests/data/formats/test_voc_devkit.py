import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lightweight_ssd.data.formats import voc_reading
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.voc_devkit import read_split, write_split
from lightweight_ssd.data.formats.voc_validation import ParsedAnnotation
from lightweight_ssd.types import Annotation

NAMES = ("cat", "dog")


def make(root: Path, ids: list[str], year: str = "2007", split: str = "train", suffix: str = ".jpg") -> Path:
    """A devkit of empty image files: annotations never open them."""
    box = np.array([[1, 2, 30, 40]], dtype=np.float32)
    rows = [Annotation.of_boxes(1, f"{name}{suffix}", 50, 60, box, np.array([1]), np.array([False])) for name in ids]
    write_split(root, year, split, rows, NAMES)
    for name in ids:
        (root / f"VOC{year}" / "JPEGImages" / f"{name}{suffix}").touch()
    return root / f"VOC{year}"


def list_file(folder: Path, split: str = "train") -> Path:
    return folder / "ImageSets" / "Main" / f"{split}.txt"


def read(root: Path, **options: Any) -> PackedAnnotations:
    return read_split(root, "2007", "train", NAMES, **options)


def test_order_and_ids_are_those_of_the_list(tmp_path: Path) -> None:
    make(tmp_path, ["b", "a", "c"])
    split = read(tmp_path)
    assert [Path(one.path).name for one in split] == ["b.jpg", "a.jpg", "c.jpg"]
    assert split.image_ids.tolist() == [1, 2, 3]
    assert all(Path(one.path).is_absolute() for one in split)
    assert split[0].boxes.tolist() == [[1, 2, 30, 40]]


@pytest.mark.slow
def test_many_files_keep_their_order_over_threads(tmp_path: Path) -> None:
    ids = [f"{row:06d}" for row in range(300)]
    make(tmp_path, ids)
    for threads in (1, 3):
        assert [Path(one.path).stem for one in read(tmp_path, num_threads=threads)] == ids


@pytest.mark.parametrize("suffix", [".jpeg", ".png", ".JPG"])
def test_other_kinds_of_images_are_found(tmp_path: Path, suffix: str) -> None:
    make(tmp_path, ["a"], suffix=suffix)
    assert read(tmp_path)[0].path.endswith(f"a{suffix}")


def test_flags_blank_lines_and_odd_names_in_the_list(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b c", "grün"])
    list_file(folder).write_text("\ufeffa  1\r\n\n  b c -1\ngrün\n\n", encoding="utf-8")
    assert [Path(one.path).stem for one in read(tmp_path)] == ["a", "b c", "grün"]


def test_a_folder_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    make(tmp_path, ["a"]).rename(tmp_path / "fruits")
    assert len(read_split(tmp_path, "fruits", "train", NAMES)) == 1


def test_a_missing_devkit_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"VOC devkit at .*gone.*no such folder: put the devkit there or set"):
        read(tmp_path / "gone")


def test_a_missing_year_lists_the_years(tmp_path: Path) -> None:
    make(tmp_path, ["a"], year="2008")
    make(tmp_path, ["a"], year="2012")
    with pytest.raises(FileNotFoundError, match=r"year '2007' .*choose among 2008, 2012"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"Annotations: put the year there; for a folder of your own, add data=folder\."
    ):
        read(tmp_path / "empty")


def test_a_missing_split_lists_the_splits(tmp_path: Path) -> None:
    make(tmp_path, ["a"], split="val")
    make(tmp_path, ["a"], split="cat_val")
    with pytest.raises(FileNotFoundError, match=r"'train' at .*train\.txt.*choose among val, or"):
        read(tmp_path)


def test_an_empty_split_is_told(tmp_path: Path) -> None:
    list_file(make(tmp_path, ["a"])).write_text("\n  \n")
    with pytest.raises(ValueError, match=r"train\.txt, but the list is empty: add ids"):
        read(tmp_path)


def test_an_id_that_stands_twice_is_named(tmp_path: Path) -> None:
    list_file(make(tmp_path, ["a", "b"])).write_text("a\nb\na 1\n")
    with pytest.raises(ValueError, match=r"train\.txt, but 'a' stands there twice"):
        read(tmp_path)


def test_missing_images_are_counted(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b", "c"])
    (folder / "JPEGImages" / "b.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"JPEGImages, but 'b' has none \(1 of 3 have none\)"):
        read(tmp_path)


def make_genuine(root: Path, ids: list[str]) -> Path:
    """A year as the VOC challenge has it."""
    folder = make(root, ids)
    for name in ids:
        path = folder / "Annotations" / f"{name}.xml"
        source = "<source><database>The VOC2007 Database</database><annotation>PASCAL VOC2007</annotation></source>"
        text = path.read_text().replace(
            "<source><annotation>lightweight-ssd, pixels from 1</annotation></source>", source
        )
        assert source in text
        path.write_text(text)
    return folder


def test_a_missing_annotation_of_the_challenge_is_named(tmp_path: Path) -> None:
    folder = make_genuine(tmp_path, ["000001", "000002"])
    (folder / "Annotations" / "000002.xml").unlink()
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(FileNotFoundError, match=r"000002\.xml, but there is no such file"):
            read(tmp_path, cache_dir=cache)


def test_elsewhere_an_image_without_a_file_has_no_objects_and_is_counted(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b"])
    (folder / "Annotations" / "b.xml").unlink()
    cv2.imwrite(str(folder / "JPEGImages" / "b.jpg"), np.zeros((50, 60, 3), np.uint8))
    for _ in range(2):  # the second time from the cache
        split = read(tmp_path, cache_dir=tmp_path / "cache")
        assert [len(one.boxes) for one in split] == [1, 0] and (split[1].height, split[1].width) == (50, 60)
        assert split.notes[1:] == ("1 of 2 images have no XML file, so no objects",)
    cv2.imwrite(str(folder / "JPEGImages" / "b.jpg"), np.zeros((70, 60, 3), np.uint8))
    assert read(tmp_path, cache_dir=tmp_path / "cache")[1].height == 70
    (folder / "JPEGImages" / "b.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"b\.jpg, since it has no XML file"):
        read(tmp_path)


def test_where_no_image_has_a_file_the_folders_are_named(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b"])
    for path in (folder / "Annotations").iterdir():
        path.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"VOC2007/Annotations with the names.*VOC2007/JPEGImages, but none of 2"
    ):
        read(tmp_path)


def test_all_broken_files_are_named_at_once(tmp_path: Path) -> None:
    ids = [f"{row:03d}" for row in range(200)]
    folder = make(tmp_path, ids)
    for name in ("010", "070", "150"):
        (folder / "Annotations" / f"{name}.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match=r"010\.xml, but .*\(2 more files are wrong: 070\.xml, 150\.xml\)"):
        read(tmp_path)


def test_with_skip_an_image_with_a_wrong_file_is_left_out_whole_and_told(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b", "c", "d", "e"])  # the images are empty files
    (folder / "JPEGImages" / "b.jpg").unlink()
    (folder / "Annotations" / "c.xml").write_text("<annotation>")
    (folder / "Annotations" / "e.xml").unlink()
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        split = read(tmp_path, on_bad="skip", cache_dir=cache)
        assert [(Path(one.path).stem, one.image_id) for one in split] == [("a", 1), ("d", 4)]
        assert [name for name in ("'b'", "c.xml", "e.jpg") if not any(name in one for one in split.skipped)] == []
        assert len(split.skipped) == 3
    with pytest.raises(FileNotFoundError, match="'b' has none"):
        read(tmp_path, cache_dir=tmp_path / "cache")


def test_with_skip_an_id_that_stands_twice_counts_once(tmp_path: Path) -> None:
    list_file(make(tmp_path, ["a", "b"])).write_text("a\nb\na 1\n")
    split = read(tmp_path, on_bad="skip")
    assert [Path(one.path).stem for one in split] == ["a", "b"]
    assert len(split.skipped) == 1 and "'a' stands there twice" in split.skipped[0]


def test_with_skip_a_split_without_any_good_file_is_still_an_error(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a", "b"])
    for path in (folder / "Annotations").iterdir():
        path.write_text("<annotation>")
    with pytest.raises(ValueError, match=r"a\.xml, but .*1 more files are wrong: b\.xml"):
        read(tmp_path, on_bad="skip")
    for path in (folder / "JPEGImages").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"2 of 2 have none"):
        read(tmp_path, on_bad="skip")


def test_nothing_is_cached_unless_asked(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*.arrays"))
    make(tmp_path, ["a"])
    read(tmp_path)
    assert sorted(tmp_path.rglob("*.arrays")) == before == []


class Reader:
    """Counts the annotation files that are opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.read = voc_reading.parse_annotation
        monkeypatch.setattr(voc_reading, "parse_annotation", self)

    def __call__(self, *arguments: Any) -> ParsedAnnotation:
        self.count += 1
        return self.read(*arguments)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(monkeypatch)


def test_the_second_time_comes_from_the_cache(tmp_path: Path, reader: Reader) -> None:
    make(tmp_path, ["a", "b"])
    cache = tmp_path / "cache"
    first = read(tmp_path, cache_dir=cache)
    second = read(tmp_path, cache_dir=cache)
    assert reader.count == 2
    assert first.class_names == second.class_names
    for one, other in zip(first, second, strict=True):
        assert all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def test_a_changed_annotation_is_noticed(tmp_path: Path, reader: Reader) -> None:
    folder = make(tmp_path, ["a", "b"])
    cache = tmp_path / "cache"
    read(tmp_path, cache_dir=cache)
    path = folder / "Annotations" / "b.xml"
    time = path.stat().st_mtime_ns
    path.write_text(path.read_text().replace("<xmax>30<", "<xmax>31<"))  # as long as before
    os.utime(path, ns=(time, time + 1))
    assert read(tmp_path, cache_dir=cache)[1].boxes[0, 2] == 31
    assert reader.count == 4
    assert len(list(cache.iterdir())) == 1


def test_a_changed_list_image_class_or_tolerance_is_noticed(tmp_path: Path, reader: Reader) -> None:
    folder = make(tmp_path, ["a", "b"])
    cache = tmp_path / "cache"
    read(tmp_path, cache_dir=cache)
    list_file(folder).write_text("b\na\n")
    assert Path(read(tmp_path, cache_dir=cache)[0].path).name == "b.jpg"
    (folder / "JPEGImages" / "b.jpg").rename(folder / "JPEGImages" / "b.png")
    assert Path(read(tmp_path, cache_dir=cache)[0].path).name == "b.png"
    assert read_split(tmp_path, "2007", "train", ("dog", "cat"), cache_dir=cache)[0].labels.tolist() == [0]
    read(tmp_path, cache_dir=cache, box_tolerance=2.0)
    assert reader.count == 10


def test_a_damaged_cache_is_rebuilt(tmp_path: Path, reader: Reader) -> None:
    make(tmp_path, ["a", "b"])
    cache = tmp_path / "cache"
    read(tmp_path, cache_dir=cache)
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert len(read(tmp_path, cache_dir=cache)) == 2
    assert len(read(tmp_path, cache_dir=cache)) == 2
    assert reader.count == 4


def test_nothing_broken_is_cached(tmp_path: Path) -> None:
    folder = make(tmp_path, ["a"])
    good = (folder / "Annotations" / "a.xml").read_text()
    (folder / "Annotations" / "a.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match="well-formed"):
        read(tmp_path, cache_dir=tmp_path / "cache")
    (folder / "Annotations" / "a.xml").write_text(good)
    assert len(read(tmp_path, cache_dir=tmp_path / "cache")) == 1


def test_progress_shows_for_many_files_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, ["a", "b"])
    read(tmp_path)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(voc_reading, "_FILES_WITHOUT_BAR", 1)
    read(tmp_path)
    assert "2007 train: 100%" in capfd.readouterr().err
