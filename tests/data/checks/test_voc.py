from pathlib import Path

import pytest
from tests.broken_data import OBJECT, SIZE, XML, voc

from lightweight_ssd.data.checks.image import ListedImage
from lightweight_ssd.data.checks.problems import Kind, Problem
from lightweight_ssd.data.checks.voc import check_voc_list


def check(root: Path, name: str = "train", box_tolerance: float = 1.0) -> tuple[list[Problem], list[ListedImage]]:
    found = list(check_voc_list(root, "2007", name, [name], ("cat", "dog"), box_tolerance, origin=1))
    return [one for one in found if isinstance(one, Problem)], [one for one in found if isinstance(one, ListedImage)]


def annotate(root: Path, text: str, encoding: str = "utf-8") -> None:
    (root / "VOC2007" / "Annotations" / "b.xml").write_text(text, encoding=encoding)


def test_a_good_list_gives_its_images_in_order(tmp_path: Path):
    problems, images = check(voc(tmp_path).root)
    assert problems == []
    assert [Path(image.path).name for image in images] == ["a.jpg", "b.jpg", "c.jpg"]
    assert {(image.size, image.splits) for image in images} == {(SIZE, frozenset({"train"}))}


def test_every_object_of_a_file_is_looked_at(tmp_path: Path):
    voc(tmp_path)
    objects = [
        OBJECT.replace("cat", "catt"),
        OBJECT,
        OBJECT.replace("<xmin>6", "<xmin>inf"),
        OBJECT.replace("<xmax>40", "<xmax>2"),
        OBJECT.replace("<xmax>40", "<xmax>82").replace("cat", "fox"),
        OBJECT.replace("<ymax>50", "<ymax>5"),
        OBJECT.replace("<difficult>0", "<difficult>maybe"),
    ]
    annotate(tmp_path, XML.replace(OBJECT, "".join(objects)))
    problems, images = check(tmp_path)
    assert [(one.kind, one.detail) for one in problems] == [
        (Kind.UNKNOWN_CLASS, "object 1: 'catt'"),
        (Kind.BOX_NOT_NUMBERS, "object 3: xmin=inf, ymin=6, xmax=40, ymax=50 in 80x60"),
        (Kind.BOX_INVERTED, "object 4: xmin=6, ymin=6, xmax=2, ymax=50 in 80x60"),
        (Kind.UNKNOWN_CLASS, "object 5: 'fox'"),
        (Kind.BOX_OUTSIDE, "object 5: xmin=6, ymin=6, xmax=82, ymax=50 in 80x60"),
        (Kind.BOX_WITHOUT_AREA, "object 6: xmin=6, ymin=6, xmax=40, ymax=5 in 80x60"),
        (Kind.WRONG_FLAG, "object 7: <difficult> is 'maybe'"),
    ]
    assert {one.file for one in problems} == {str(tmp_path / "VOC2007/Annotations/b.xml")}
    assert images[1].size == SIZE


def test_the_tolerance_is_that_of_training(tmp_path: Path):
    voc(tmp_path)
    annotate(tmp_path, XML.replace("<xmax>40", "<xmax>83"))
    assert [one.kind for one in check(tmp_path)[0]] == [Kind.BOX_OUTSIDE]
    assert check(tmp_path, box_tolerance=3.0)[0] == []


def test_everything_wrong_in_the_list_is_named(tmp_path: Path):
    voc(tmp_path)
    (tmp_path / "VOC2007/ImageSets/Main/train.txt").write_text("a\nx\nb\na\ny\nx\n")
    problems, images = check(tmp_path)
    assert [(one.kind, Path(one.file).name, one.detail) for one in problems] == [
        (Kind.DUPLICATE_IMAGE, "train.txt", "'a' stands there more than once"),
        (Kind.DUPLICATE_IMAGE, "train.txt", "'x' stands there more than once"),
        (Kind.MISSING_IMAGE, "x", "no .jpg, .jpeg or .png"),
        (Kind.MISSING_IMAGE, "y", "no .jpg, .jpeg or .png"),
    ]
    assert [Path(image.path).name for image in images] == ["a.jpg", "b.jpg"]


def test_a_size_from_the_image_is_a_note(tmp_path: Path):
    voc(tmp_path)
    annotate(tmp_path, XML.replace("<width>80</width>", "").replace("<xmax>40", "<xmax>90"))
    problems, images = check(tmp_path)
    assert [(one.kind, one.severity) for one in problems] == [
        (Kind.SIZE_FROM_FILE, "note"),
        (Kind.BOX_OUTSIDE, "error"),
    ]
    assert images[1].size == SIZE


def test_an_image_without_a_file_has_no_objects_unless_none_has_one(tmp_path: Path):
    voc(tmp_path)
    (tmp_path / "VOC2007/Annotations/b.xml").unlink()
    problems, images = check(tmp_path)
    assert problems == [] and [image.size for image in images] == [SIZE, None, SIZE]
    for name in ("a", "c"):
        (tmp_path / f"VOC2007/Annotations/{name}.xml").unlink()
    (problem,), _ = check(tmp_path)
    assert problem.kind == Kind.MISSING_SPLIT and "none of 3 images has an XML file" in problem.detail


def test_in_the_challenge_a_missing_file_is_an_error(tmp_path: Path):
    year = voc(tmp_path).root / "VOC2007"
    (year / "ImageSets/Main/train.txt").write_text("000001\n000002\n")
    for name in ("000001", "000002"):
        (year / f"JPEGImages/{name}.jpg").write_bytes((year / "JPEGImages/a.jpg").read_bytes())
    text = XML.replace("<annotation>", "<annotation><source><database>The VOC2007 Database</database></source>")
    (year / "Annotations/000001.xml").write_text(text)
    (problem,), _ = check(tmp_path)
    assert problem.kind == Kind.MISSING_ANNOTATION and problem.file.endswith("000002.xml")


def test_without_a_size_boxes_are_still_looked_at(tmp_path: Path):
    voc(tmp_path)
    annotate(tmp_path, XML.replace("<width>80", "<width>x").replace("<xmax>40", "<xmax>1"))
    problems, images = check(tmp_path)
    assert [one.kind for one in problems] == [Kind.NO_SIZE, Kind.BOX_INVERTED]
    assert images[1].size is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_any_encoding(tmp_path: Path, encoding: str):
    voc(tmp_path)
    bomb = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><annotation>&b;</annotation>'
    annotate(tmp_path, f'<?xml version="1.0" encoding="{encoding}"?>{bomb}', encoding)
    assert [one.kind for one in check(tmp_path)[0]] == [Kind.DOCUMENT_TYPE]


@pytest.mark.parametrize("text", ["", "<a>", '<?xml version="1.0" encoding="x-no"?><a/>', "\0"])
def test_malformed_files_say_why(tmp_path: Path, text: str):
    voc(tmp_path)
    annotate(tmp_path, text)
    (problem,) = check(tmp_path)[0]
    assert problem.kind == Kind.MALFORMED and problem.detail


def test_a_folder_in_the_place_of_an_annotation(tmp_path: Path):
    voc(tmp_path)
    (tmp_path / "VOC2007/Annotations/b.xml").unlink()
    (tmp_path / "VOC2007/Annotations/b.xml").mkdir()
    assert [one.kind for one in check(tmp_path)[0]] == [Kind.MALFORMED]


def test_what_is_not_there_is_a_missing_split(tmp_path: Path):
    (problem,), _ = check(tmp_path / "nowhere")
    assert problem.kind == Kind.MISSING_SPLIT and "data.root" in problem.detail
    (problem,), _ = check(voc(tmp_path).root, "other")
    assert problem.kind == Kind.MISSING_SPLIT and problem.file.endswith("VOC2007/ImageSets/Main/other.txt")
